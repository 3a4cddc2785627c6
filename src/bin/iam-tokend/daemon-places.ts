import { join, resolve } from 'node:path';
import {
  type Folders,
  folders,
  socketCandidates,
  type Surroundings,
  systemPlaces,
} from '../../platform/places.ts';
import type { Flags } from './flags.ts';

export interface DaemonPlaces extends Folders {
  /** One daemon for all users of this machine, and not for one of them. */
  readonly isForSystem: boolean;
  readonly configFile: string;
  /** Unless somebody names another. */
  readonly socket: string;
}

export function daemonPlaces({ config: named }: Flags, surroundings: Surroundings): DaemonPlaces {
  if (named !== undefined && resolve(named) === systemPlaces.configFile) {
    return { ...systemPlaces, isForSystem: true, config: systemPlaces.state };
  }
  const usual = folders(surroundings);
  const config = named === undefined ? usual.config : join(named, '..');
  const configFile = named ?? join(config, 'config.yaml');
  return { ...usual, isForSystem: false, config, configFile, socket: socketCandidates(surroundings)[0] };
}
