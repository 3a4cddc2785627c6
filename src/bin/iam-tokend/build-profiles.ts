import { createProgramRunner } from '../../adapters/child-process.ts';
import { collectGarbage } from '../../adapters/memory/collect-garbage.ts';
import { redact } from '../../adapters/redact.ts';
import type { TrustSource } from '../../daemon/credential-trust.ts';
import { Hooks } from '../../daemon/hooks/hooks.ts';
import { MemoryTrimming } from '../../daemon/memory-trimming.ts';
import { CredentialSlots } from '../../daemon/profiles/credential-slots.ts';
import { hintProfileOf, openProfileRegistry } from '../../daemon/profiles/profile-registry.ts';
import type { Profile } from '../../daemon/profiles/profile.ts';
import { Profiles } from '../../daemon/profiles/profiles.ts';
import { RenewalTurns } from '../../daemon/profiles/renewal-turns.ts';
import { Subscriptions } from '../../daemon/requests/subscriptions.ts';
import type { FileDeadline } from '../../files/file-deadline.ts';
import { isExecutable, isExternalProgram } from '../../platform/process-context.ts';
import type { ProcessContext } from '../../platform/paths.ts';
import { upgradeCommand } from '../../platform/service-manager.ts';
import type { EventMessage } from '../../protocol/envelope.ts';
import { type Clock, formatIsoTime } from '../../shared/clock.ts';
import { errorMessage } from '../../shared/error-utils.ts';
import { renderProblem } from '../../shared/errors.ts';
import type { HintProfile } from '../../shared/hint.ts';
import type { HttpClient } from '../../shared/http-client.ts';
import type { Log } from '../../shared/log.ts';
import type { SourceTools } from '../../sources/credential-kind.ts';
import { findCredentialKind } from '../../sources/credential-kinds.ts';
import { createProbeService } from '../../sources/exchange/service-probe.ts';
import type { CredentialStore } from '../../stores/credential-store.ts';
import { currentProblem } from '../../token/selectors.ts';
import type { DaemonPaths } from './arguments.ts';
import type { PeerGuard } from './peer-guard.ts';
import type { ReloadableSettings } from './settings.ts';

export interface BuildProfilesParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly context: ProcessContext;
  readonly settings: ReloadableSettings;
  readonly fileDeadline: FileDeadline;
  readonly store: CredentialStore;
  readonly paths: Pick<DaemonPaths, 'config'>;
  readonly guard: Pick<PeerGuard, 'cLibrary'>;
}

export interface BuiltProfiles {
  readonly profiles: Profiles;
  readonly subscriptions: Subscriptions;
  readonly hooks: Hooks;
  readonly memoryTrimming: MemoryTrimming;
}

/** Builds the profiles, and what receives their events. */
export async function buildProfiles(parts: BuildProfilesParts): Promise<BuiltProfiles> {
  const { clock, log, context, settings, store, paths } = parts;
  const memoryTrimming = createMemoryTrimming(parts);
  const registry = await openProfileRegistry(paths.config, context.uid, upgradeCommand(context));
  const { instance } = registry.current;
  if (registry.copiedFrom !== null)
    log.write(
      'warn',
      `this configuration folder is a copy of ${registry.copiedFrom}, whose keychain items stay`,
    );
  for (const [name, newName] of registry.renamed)
    log.write('warn', `renamed the profile ${JSON.stringify(name)}`, { profile: newName });
  const subscriptions = new Subscriptions();
  const hooks = new Hooks({
    clock,
    log,
    programs: createProgramRunner(context, clock, isExecutable),
    redact,
    getCommands: () => settings.current.config.hooks,
  });
  const trustSource: TrustSource = {
    read: async () => {
      const { anchors, http, warnings } = await settings.current.trust.read();
      for (const warning of warnings) log.write('warn', warning);
      return { anchors, http: withCallback(http, () => memoryTrimming.request()) };
    },
  };
  const turns = new RenewalTurns(clock);
  const profiles = new Profiles({
    clock,
    takeTurn: () => turns.take(),
    log,
    registry,
    store,
    slots: new CredentialSlots(store, registry, log),
    findCredentialKind,
    tools: createSourceTools(parts, trustSource),
    trustSource,
    getDefaultInstallation: () => settings.current.config.iam,
    isNameLookupEnabled: () => settings.current.config.login.names,
    getNextScheduledMs: (profile, afterMs) =>
      settings.current.getSchedule(instance, profile).nextAfter(afterMs),
    getRotateAfterMs: () => settings.current.config.keys.rotateAfterMs,
    onRename: (from, to) => subscriptions.rename(from, to),
    announce: (event, profile) => {
      const hintProfile = hintProfileOf(registry.current, profile.name);
      const params = buildEventParams(profile, clock, hintProfile);
      subscriptions.publish(event, params);
      hooks.notify(event, profile, params);
    },
  });
  void hooks.check();
  return { profiles, subscriptions, hooks, memoryTrimming };
}

function createMemoryTrimming({ clock, log, guard }: BuildProfilesParts): MemoryTrimming {
  const memoryTrimming = new MemoryTrimming(clock, {
    readBytes: () => process.memoryUsage.rss(),
    release: async () => {
      try {
        await collectGarbage();
        guard.cLibrary?.trimMemory();
        log.write('debug', 'returned free memory to the system');
      } catch (error) {
        log.write('debug', `cannot return free memory to the system: ${errorMessage(error)}`);
      }
    },
  });
  memoryTrimming.request();
  return memoryTrimming;
}

function createSourceTools(
  { clock, context, settings, fileDeadline }: BuildProfilesParts,
  trustSource: TrustSource,
): SourceTools {
  const http: HttpClient = {
    send: async (request, signal) => (await trustSource.read()).http.send(request, signal),
  };
  return {
    clock,
    http,
    probeService: createProbeService(http, clock),
    fileDeadline,
    programs: createProgramRunner(context, clock, isExternalProgram),
    get timeoutMs() {
      return settings.current.config.iam.timeoutMs;
    },
  };
}

/** @param onResponse called after each request, also if it fails */
function withCallback(http: HttpClient, onResponse: () => void): HttpClient {
  return { send: (request, signal) => http.send(request, signal).finally(onResponse) };
}

function buildEventParams(
  { name, state }: Profile,
  clock: Clock,
  hintProfile: HintProfile,
): EventMessage['params'] {
  const { token } = state;
  const problem = currentProblem(state, clock.now());
  return {
    profile: name,
    ...(token === null ? {} : { expiresAt: formatIsoTime(token.expiresAtMs) }),
    ...(problem === null ? {} : { problem: renderProblem(problem, hintProfile) }),
  };
}
