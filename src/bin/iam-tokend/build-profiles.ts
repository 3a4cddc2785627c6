import { createProgramRunner } from '../../adapters/child-process.ts';
import type { TrustSource } from '../../daemon/credential-trust.ts';
import { CredentialSlots } from '../../daemon/profiles/credential-slots.ts';
import { hintProfileOf, openProfileRegistry } from '../../daemon/profiles/profile-registry.ts';
import type { Profile } from '../../daemon/profiles/profile.ts';
import { Profiles } from '../../daemon/profiles/profiles.ts';
import { RenewalTurns } from '../../daemon/profiles/renewal-turns.ts';
import { Subscriptions } from '../../daemon/requests/subscriptions.ts';
import type { FileDeadline } from '../../files/file-deadline.ts';
import { isExternalProgram } from '../../platform/process-context.ts';
import type { ProcessContext } from '../../platform/paths.ts';
import { upgradeCommand } from '../../platform/service-manager.ts';
import type { EventMessage } from '../../protocol/envelope.ts';
import { type Clock, formatIsoTime } from '../../shared/clock.ts';
import { renderProblem } from '../../shared/errors.ts';
import type { HintProfile } from '../../shared/hint.ts';
import type { HttpClient } from '../../shared/http-client.ts';
import type { Log } from '../../shared/log.ts';
import type { SourceTools } from '../../sources/credential-kind.ts';
import { findCredentialKind } from '../../sources/credential-kinds.ts';
import { createProbeService } from '../../sources/exchange/service-probe.ts';
import type { CredentialStore } from '../../stores/credential-store.ts';
import { currentProblem } from '../../token/selectors.ts';
import type { ReloadableSettings } from './settings.ts';

export interface BuildProfilesParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly context: ProcessContext;
  readonly settings: ReloadableSettings;
  readonly fileDeadline: FileDeadline;
  readonly store: CredentialStore;
  /** The folder of `profiles.json`. */
  readonly configFolder: string;
}

/** Builds the profiles, and the subscriptions to their events. */
export async function buildProfiles(
  parts: BuildProfilesParts,
): Promise<{ readonly profiles: Profiles; readonly subscriptions: Subscriptions }> {
  const { clock, log, context, settings, fileDeadline, store, configFolder } = parts;
  const registry = await openProfileRegistry(configFolder, context.uid, upgradeCommand(context));
  const { instance } = registry.current;
  if (registry.copiedFrom !== null)
    log.write(
      'warn',
      `this configuration folder is a copy of ${registry.copiedFrom}, whose keychain items stay`,
    );
  const subscriptions = new Subscriptions();
  const trustSource: TrustSource = {
    read: async () => {
      const { warnings, ...snapshot } = await settings.current.trust.read();
      for (const warning of warnings) log.write('warn', warning);
      return snapshot;
    },
  };
  const http: HttpClient = {
    send: async (request, signal) => (await trustSource.read()).http.send(request, signal),
  };
  const tools: SourceTools = {
    clock,
    http,
    probeService: createProbeService(http, clock),
    fileDeadline,
    programs: createProgramRunner(context, clock, isExternalProgram),
    get timeoutMs() {
      return settings.current.config.iam.timeoutMs;
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
    tools,
    trustSource,
    getDefaultInstallation: () => settings.current.config.iam,
    getNextScheduledMs: (profile, afterMs) =>
      settings.current.getSchedule(instance, profile).nextAfter(afterMs),
    onRename: (from, to) => subscriptions.rename(from, to),
    announce: (event, profile) => {
      const hintProfile = hintProfileOf(registry.current, profile.name);
      subscriptions.publish(event, buildEventParams(profile, clock, hintProfile));
    },
  });
  return { profiles, subscriptions };
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
