import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StorageError } from "../../src/storage/errors.ts";
import { TimeLimit } from "../../src/storage/s3/time-limit.ts";

const untilAborted = ({ signal }: TimeLimit) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });

describe("time limit of an S3 call", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("leaves no timer behind when the call finishes within the limit", async () => {
    expect(await TimeLimit.during(async () => "done")).toBe("done");
    await expect(TimeLimit.during(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("aborts a call that exceeds the limit", async () => {
    const failed = vi.fn<(error: Error) => void>();
    TimeLimit.during(untilAborted).catch(failed);
    await vi.advanceTimersByTimeAsync(24_000);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(failed).toHaveBeenCalledExactlyOnceWith(new Error("aborted"));
    expect(vi.getTimerCount()).toBe(0);
  });

  it("extends the limit for a large transfer", async () => {
    const failed = vi.fn<(error: Error) => void>();
    TimeLimit.during((limit) => {
      limit.allow(256 * 60_000);
      return untilAborted(limit);
    }).catch(failed);
    await vi.advanceTimersByTimeAsync(84_000);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(failed).toHaveBeenCalledOnce();
  });

  it("rejects a call that does not react to the abort", async () => {
    const failed = vi.fn<(error: Error) => void>();
    TimeLimit.during(() => new Promise<never>(() => {})).catch(failed);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(failed).toHaveBeenCalledOnce();
    expect(failed.mock.calls[0]?.[0]).toBeInstanceOf(StorageError);
    expect(vi.getTimerCount()).toBe(0);
  });
});
