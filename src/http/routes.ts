import { ProblemError } from '../shared/errors.ts';
import type { Ask } from './ask.ts';
import { failure, type HttpAnswer } from './http-answer.ts';

export type Query = Readonly<Record<string, string>>;

export interface Route {
  /** The parameters there are; `null`: whatever comes is passed over. */
  readonly query: readonly string[] | null;
  /** @throws ProblemError */
  answer(ask: Ask, query: Query): Promise<HttpAnswer>;
}

/** By path: compared as it came, so that there is one spelling of each. */
export type Routes = Readonly<Record<string, Route>>;

/** @throws ProblemError */
export async function answerFrom(routes: Routes, target: string, ask: Ask): Promise<HttpAnswer> {
  const [path = '', ...rest] = target.split('?');
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return failure({ code: 'unknown_method', message: 'there is no such path' });
  return route.answer(ask, route.query === null ? {} : queryIn(rest.join('?'), route.query));
}

function queryIn(text: string, known: readonly string[]): Query {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name) || query.has(name)) {
      const there = known.length === 0 ? 'nothing' : known.join(', ');
      throw new ProblemError({ code: 'bad_request', message: `this path takes ${there}, each once` });
    }
    query.set(name, value);
  }
  return Object.fromEntries(query);
}
