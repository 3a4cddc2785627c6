import type { FullStatus } from '../protocol/collect-pages.ts';
import type { Clock } from '../shared/clock.ts';
import { createDispatch, dispatchFullStatus, type RequestHandler } from './dispatch.ts';

/** Renders a result of `status`, all pages, with `metrics`. */
export type RenderMetrics = (status: FullStatus) => Promise<string>;

/** Any user may scrape the metrics as often as they like; rendering those of a thousand profiles takes 20 ms. */
const maxAgeMs = 1_000;

/** @returns reads the text of `/metrics`, which is rendered once a second at most */
export function createMetricsReader(
  handleRequest: RequestHandler,
  renderMetrics: RenderMetrics,
  clock: Pick<Clock, 'now'>,
): () => Promise<string> {
  let recent: { readonly text: Promise<string>; readonly atMonotonicMs: number } | null = null;
  // A client that disconnects must not cancel the text of the others.
  const dispatch = createDispatch(handleRequest, new AbortController().signal);

  const render = async (): Promise<string> =>
    renderMetrics(await dispatchFullStatus(dispatch, { metrics: true }));

  return () => {
    const { monotonicMs } = clock.now();
    if (recent === null || monotonicMs - recent.atMonotonicMs >= maxAgeMs) {
      const text = render();
      recent = { text, atMonotonicMs: monotonicMs };
      text.catch(() => (recent = null));
    }
    return recent.text;
  };
}
