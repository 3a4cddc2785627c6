import { renderMetrics } from '../../../adapters/metrics/render-metrics.ts';
import { usageError } from '../../cli-errors.ts';
import { type CommandContext, type CommandDefinition, withDaemon } from '../../command.ts';
import { flag, jsonOption, profileOption } from '../../parsing/options.ts';
import { warnOnVersionMismatch } from '../../check-daemon.ts';
import { fetchStatus } from '../../fetch-status.ts';
import type { FullStatus } from '../../../protocol/collect-pages.ts';
import { formatSocketLine } from '../../socket-line.ts';
import { formatStatus, hasCommands } from './status/format-status.ts';
import { createStyleText, getOutputColumns, print } from '../../terminal/terminal.ts';
import { escapeControlCharacters, formatJsonLine } from '../../terminal/escape.ts';
import { watchStatus } from './status/watch-status.ts';

export const status: CommandDefinition = {
  name: 'status',
  summary: 'show the daemon and all profiles',
  options: {
    profile: { ...profileOption, help: 'show only this profile' },
    json: jsonOption,
    metrics: flag("print the metrics in Prometheus' text format, for node_exporter's textfile collector"),
    watch: flag('keep running and show each change, also after the daemon is restarted'),
  },
  examples: [
    'iam-token status',
    'iam-token status --metrics >/var/lib/prometheus/node-exporter/iam-tokend.prom.new',
  ],
  run: runStatus,
};

async function runStatus(context: CommandContext): Promise<void> {
  const { options } = context;
  const profile = options.get('profile');
  if (options.has('metrics')) return printMetrics(context, profile);
  if (options.has('watch')) return watchStatus(context, profile, (each) => formatScreen(each, context));
  const fullStatus = await withDaemon(context, (connection, deadline) =>
    fetchStatus(connection, profile, deadline),
  );
  if (options.has('json')) return print(formatJsonLine(fullStatus));
  warnOnVersionMismatch(fullStatus.daemon.version, context);
  print(formatScreen(fullStatus, context).join('\n'));
}

/** node_exporter reads them together with its own, so those of the process need a prefix. */
const processPrefix = 'iam_tokend_';

async function printMetrics(context: CommandContext, profile: string | undefined): Promise<void> {
  const otherOption = ['json', 'watch'].find((name) => context.options.has(name));
  if (otherOption !== undefined) throw usageError(`--metrics and --${otherOption} cannot be combined`);
  const fullStatus = await withDaemon(context, (connection, deadline) =>
    fetchStatus(connection, profile, deadline, { metrics: true }),
  );
  print((await renderMetrics(fullStatus, { processPrefix })).trimEnd());
}

function formatScreen(fullStatus: FullStatus, context: CommandContext): readonly string[] {
  const styleText = createStyleText(context.processContext.env);
  const lines = formatStatus(fullStatus, context.clock.now().wallMs, styleText, getOutputColumns());
  const socketLine = hasCommands(fullStatus) ? formatSocketLine(context) : undefined;
  return [
    ...(socketLine === undefined ? [] : [`hint: ${escapeControlCharacters(socketLine)}`, '']),
    ...lines,
  ];
}
