import assert from 'node:assert/strict';
import { MemoryTrimming } from '../../src/daemon/memory-trimming.ts';
import { createTestClock, type TestClock } from '../support/time/test-clock.ts';

describe('MemoryTrimming', () => {
  let clock: TestClock;
  let residentMb: number;
  let releases: number[];
  let trimming: MemoryTrimming;

  beforeEach(() => {
    clock = createTestClock();
    residentMb = 50;
    releases = [];
    trimming = new MemoryTrimming(clock, {
      readBytes: () => residentMb * 1024 * 1024,
      release: async () => void releases.push(clock.now().monotonicMs),
    });
  });

  /** As after a start. */
  async function releaseOnce(): Promise<void> {
    trimming.request();
    clock.advance(10_000);
    await Promise.resolve();
    releases = [];
  }

  it('releases memory 10 s after the last request to IAM, once', () => {
    clock.advance(60_000);
    trimming.request();
    clock.advance(9_000);
    trimming.request();
    clock.advance(60_000);
    assert.deepEqual(releases, [79_000]);
  });

  it('releases nothing after single requests of peers', async () => {
    await releaseOnce();
    for (let minute = 0; minute < 60; minute += 1) {
      trimming.countWork();
      clock.advance(60_000);
    }
    assert.deepEqual(releases, []);
  });

  it('releases memory after one request that took 9 MB', async () => {
    await releaseOnce();
    trimming.countWork();
    residentMb += 9;
    clock.advance(60_000);
    assert.deepEqual(releases, [20_000]);
  });

  it('E9: releases memory in the first 10 quiet seconds after a flood, also if it was released during the flood', async () => {
    await releaseOnce();
    residentMb += 60;
    for (let second = 0; second < 30; second += 1) {
      for (let count = 0; count < 1_000; count += 1) trimming.countWork();
      clock.advance(1_000);
    }
    assert.deepEqual(releases, []);
    clock.advance(60_000);
    assert.deepEqual(releases, [50_000]);
    await Promise.resolve();
    // The connections of the flood end.
    for (let count = 0; count < 900; count += 1) trimming.countWork();
    clock.advance(60_000);
    assert.deepEqual(releases, [50_000, 120_000]);
  });

  it('does not postpone that because of a peer that requests every second', async () => {
    await releaseOnce();
    for (let count = 0; count < 1_000; count += 1) trimming.countWork();
    for (let second = 0; second < 60; second += 1) {
      trimming.countWork();
      clock.advance(1_000);
    }
    assert.deepEqual(releases, [30_000]);
  });

  it('releases nothing because the clock was set', async () => {
    await releaseOnce();
    residentMb += 60;
    clock.jump(3_600_000);
    assert.deepEqual(releases, []);
  });
});
