import { isProfileName } from '../../protocol/limits.ts';
import { parseDuration } from '../../shared/duration.ts';
import { endpointRule, parseEndpoint } from '../../shared/endpoint.ts';
import { isResourceId, resourceIdRule } from '../../shared/resource-id.ts';
import type { CommandDefinition } from '../command.ts';
import type { DurationRange, Operand, OptionValue } from './options.ts';
import { invalidValueError } from './usage-errors.ts';

/**
 * @param label the option or the operand, as a message names it
 * @throws IamTokenError `bad_request`
 */
export function checkValue(
  command: CommandDefinition,
  label: string,
  valueType: OptionValue | Operand,
  text: string,
): void {
  const rule = findBrokenRule(valueType, text);
  if (rule !== undefined) throw invalidValueError(command, label, text, rule);
}

function findBrokenRule(valueType: OptionValue | Operand, text: string): string | undefined {
  if (valueType.kind === 'choice' && !valueType.choices.includes(text))
    return `must be ${formatChoices(valueType.choices)}`;
  if (valueType.kind === 'id' && !isResourceId(text)) return resourceIdRule;
  if (valueType.kind === 'url' && parseEndpoint(text) === null) return endpointRule;
  if (valueType.kind === 'profile') return findBrokenNameRule(text);
  return valueType.kind === 'duration' ? findBrokenDurationRule(valueType, text) : undefined;
}

function findBrokenNameRule(text: string): string | undefined {
  const name = text.trim();
  if (name === '') return 'must not consist of blanks';
  return isProfileName(name)
    ? undefined
    : 'must have 1 to 64 characters, without slashes and control characters';
}

function findBrokenDurationRule({ minMs, maxMs }: DurationRange, text: string): string | undefined {
  const durationMs = parseDuration(text);
  if (durationMs === null) return 'must be a duration such as 10m, 11h30m or 1d';
  if (durationMs < minMs) return `must be at least ${minMs}ms`;
  return durationMs > maxMs ? `must be at most ${maxMs / 3_600_000}h` : undefined;
}

const formatChoices = (choices: readonly string[]): string =>
  `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
