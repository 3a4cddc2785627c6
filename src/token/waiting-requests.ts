export interface TokenRequest {
  readonly requestId: number;
  readonly minTtlMs: number;
  /** From `refresh`: always causes or joins an exchange, and any success resolves it. */
  readonly isRefresh: boolean;
}

/** A tree by the digits of the ids to base 32: requests in its leaves, and their parents above. */
type Node = readonly (Node | TokenRequest | undefined)[];

const base = 32;

/**
 * Requests in the order of their ids. Immutable, as all of the state: a copy with or without a request shares everything
 * with the original but one path of the tree. So thousands of requests are added and removed in time proportional to
 * their number.
 */
export class WaitingRequests implements Iterable<TokenRequest> {
  static readonly empty = new WaitingRequests([], 0, 0);

  readonly length: number;
  readonly #root: Node;
  /** Of the tree below its root. */
  readonly #height: number;

  private constructor(root: Node, height: number, length: number) {
    this.#root = root;
    this.#height = height;
    this.length = length;
  }

  /** @param request whose id is not among them */
  with(request: TokenRequest): WaitingRequests {
    let root = this.#root;
    let height = this.#height;
    for (; request.requestId >= base ** (height + 1); height += 1) root = root.length === 0 ? root : [root];
    return new WaitingRequests(replace(root, height, request.requestId, request), height, this.length + 1);
  }

  without(requestIds: Iterable<number>): WaitingRequests {
    let root = this.#root;
    let { length } = this;
    for (const requestId of requestIds) {
      if (requestId >= base ** (this.#height + 1) || !has(root, this.#height, requestId)) continue;
      root = replace(root, this.#height, requestId, undefined);
      length -= 1;
    }
    return length === 0 ? WaitingRequests.empty : new WaitingRequests(root, this.#height, length);
  }

  [Symbol.iterator](): Iterator<TokenRequest> {
    return iterate(this.#root, this.#height);
  }
}

function digitOf(requestId: number, height: number): number {
  return Math.floor(requestId / base ** height) % base;
}

function childOf(node: Node, digit: number): Node {
  return (node[digit] ?? []) as Node;
}

function has(node: Node, height: number, requestId: number): boolean {
  const digit = digitOf(requestId, height);
  return height === 0 ? node[digit] !== undefined : has(childOf(node, digit), height - 1, requestId);
}

/** @param request `undefined` to remove it; then a node that becomes empty is removed too */
function replace(node: Node, height: number, requestId: number, request: TokenRequest | undefined): Node {
  const digit = digitOf(requestId, height);
  const child = height === 0 ? request : replace(childOf(node, digit), height - 1, requestId, request);
  const copy = node.slice();
  copy[digit] = Array.isArray(child) && child.length === 0 ? undefined : child;
  return copy.every((entry) => entry === undefined) ? [] : copy;
}

function* iterate(node: Node, height: number): Generator<TokenRequest> {
  for (const entry of node) {
    if (entry === undefined) continue;
    if (height === 0) yield entry as TokenRequest;
    else yield* iterate(entry as Node, height - 1);
  }
}
