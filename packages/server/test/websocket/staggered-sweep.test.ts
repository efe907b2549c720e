import { describe, expect, it } from "vitest";
import { StaggeredSweep } from "../../src/websocket/staggered-sweep.ts";

/** The members visited in each of the next `many` slices. */
function shares(rounds: StaggeredSweep<number>, visited: number[], many: number): number[][] {
  return Array.from({ length: many }, () => {
    rounds.next();
    return visited.splice(0);
  });
}

describe("staggered rounds", () => {
  it("visit each member once, a slice at a time", () => {
    const visited: number[] = [];
    const members = new Set([1, 2, 3, 4, 5, 6, 7]);
    const rounds = new StaggeredSweep(members, 3, (member) => visited.push(member));
    expect(shares(rounds, visited, 3)).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
    expect(rounds.count).toBe(1);
    expect(shares(rounds, visited, 1)).toEqual([[1, 2, 3]]);
  });

  it("have the same number of slices with few members or none", () => {
    const visited: number[] = [];
    const members = new Set([1]);
    const rounds = new StaggeredSweep(members, 3, (member) => visited.push(member));
    expect(shares(rounds, visited, 3)).toEqual([[1], [], []]);
    expect(rounds.count).toBe(1);
    members.clear();
    expect(shares(rounds, visited, 3)).toEqual([[], [], []]);
    expect(rounds.count).toBe(2);
  });

  it("skip removed members and visit added ones in the same round", () => {
    const visited: number[] = [];
    const members = new Set([1, 2, 3, 4]);
    const rounds = new StaggeredSweep(members, 2, (member) => visited.push(member));
    expect(shares(rounds, visited, 1)).toEqual([[1, 2]]);
    members.delete(3);
    for (const member of [5, 6, 7]) members.add(member);
    expect(shares(rounds, visited, 1)).toEqual([[4, 5, 6, 7]]);
  });

  it("report the current round", () => {
    const seen: number[] = [];
    const rounds = new StaggeredSweep(new Set(["a"]), 2, (_member, round) => seen.push(round));
    for (let i = 0; i < 6; i++) rounds.next();
    expect(seen).toEqual([0, 1, 2]);
  });
});
