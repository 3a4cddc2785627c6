import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../wait-until.ts';

const installRoot = '/usr/lib/postgresql';
/** The kernel's overflow ids, which own nothing. */
const unprivilegedUser = { uid: 65_534, gid: 65_534 } as const;

/** A PostgreSQL server on a socket in its own folder. */
export interface Postgres {
  /** The connection string of a role that requires a password. */
  readonly connection: string;
  setPassword(password: string): void;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<Postgres> {
  const programs = join(installRoot, readdirSync(installRoot).toSorted().at(-1) ?? '', 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  const data = join(folder, 'data');
  // PostgreSQL does not run as root.
  const serverUser = process.getuid?.() === 0 ? unprivilegedUser : undefined;
  if (serverUser !== undefined) chownSync(folder, serverUser.uid, serverUser.gid);
  chmodSync(folder, 0o755);
  const options = { ...serverUser, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' } };
  const initdbArgs = ['--pgdata', data, '--username', 'admin', '--auth', 'trust', '--no-sync'];
  execFileSync(join(programs, 'initdb'), initdbArgs, { ...options, stdio: 'ignore' });
  writeFileSync(join(data, 'pg_hba.conf'), 'local all admin trust\nlocal all person scram-sha-256\n');
  const serverArgs = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off'];
  const server = spawn(join(programs, 'postgres'), serverArgs, { ...options, stdio: 'ignore' });
  const exitEvent = new Promise((resolve) => server.once('close', resolve));
  const runAdminSql = (sql: string): void => {
    const args = ['-Xq', '-h', folder, '-U', 'admin', 'postgres'];
    execFileSync('psql', args, { ...options, input: sql, stdio: ['pipe', 'ignore', 'ignore'] });
  };
  const isReady = (): boolean => {
    try {
      runAdminSql('select 1');
      return true;
    } catch {
      return false; // Not yet.
    }
  };
  await waitUntil(isReady, 'the server accepts connections', 30_000);
  runAdminSql('create role person login');
  return {
    connection: `host=${folder} user=person dbname=postgres`,
    setPassword: (password) => runAdminSql(`alter role person password '${password}'`),
    stop: async () => {
      server.kill('SIGINT');
      await exitEvent;
      rmSync(folder, { recursive: true });
    },
  };
}
