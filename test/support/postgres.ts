import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

const versions = '/usr/lib/postgresql';

/** A server of Debian's, on a socket in a folder of its own. */
export interface Postgres {
  /** Of the person's connections: it wants a password. */
  readonly connection: string;
  setPassword(password: string): void;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<Postgres> {
  const programs = join(versions, readdirSync(versions).toSorted().at(-1) ?? '', 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  const data = join(folder, 'data');
  // It refuses to run as root.
  const owner = process.getuid?.() === 0 ? idOfNobody() : undefined;
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  chmodSync(folder, 0o755);
  const options = { ...owner, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' } };
  const make = ['--pgdata', data, '--username', 'admin', '--auth', 'trust', '--no-sync'];
  execFileSync(join(programs, 'initdb'), make, { ...options, stdio: 'ignore' });
  writeFileSync(join(data, 'pg_hba.conf'), 'local all admin trust\nlocal all person scram-sha-256\n');
  const serve = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off'];
  const server = spawn(join(programs, 'postgres'), serve, { ...options, stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const admin = (sql: string): void => {
    const args = ['-Xq', '-h', folder, '-U', 'admin', 'postgres'];
    execFileSync('psql', args, { ...options, input: sql, stdio: ['pipe', 'ignore', 'ignore'] });
  };
  const answers = (): boolean => {
    try {
      admin('select 1');
      return true;
    } catch {
      return false; // Not yet.
    }
  };
  await until(answers, 'the server answers', 30_000);
  admin('create role person login');
  return {
    connection: `host=${folder} user=person dbname=postgres`,
    setPassword: (password) => admin(`alter role person password '${password}'`),
    stop: async () => {
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

function idOfNobody(): { readonly uid: number; readonly gid: number } {
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' })),
  );
  return { uid: uid ?? 65_534, gid: gid ?? 65_534 };
}
