/** Profiles in the reports: what is summed, what is never claimed, and runs that have none. */
import { describe, expect, test } from "vitest";
import { json } from "./json.ts";
import { markdown } from "./markdown.ts";
import { profileText } from "./profile_text.ts";
import { CAVEAT, launches, opProfiles, overUnavoidable, profiledMode, usefulShare } from "./profiles.ts";
import { header, modelRun, results, row } from "./testing.ts";
import { profile, profiledRun } from "./testing_profiles.ts";

const of = (...specs: Parameters<typeof profile>[0][]) => ({
  ...results([row()]),
  profiles: specs.map((s) => profile(s)),
});

describe("by op", () => {
  test("launches add up, sizes are the largest, and the longest time comes first", () => {
    const [rope, linear] = opProfiles(
      of(
        { site: "a", us: 2, limit: "tensor", read: 100 },
        { site: "b", us: 3, limit: "memory", read: 50, conflicts: 7 },
        { site: "c", us: 15, op: "rope", issued: 0 },
      ),
      "isolated",
    );
    expect(linear).toMatchObject({
      op: "linear_fp8",
      launches: 2,
      read: { unique: 150, total: 2 * 150 + 2 * 10 },
      written: { unique: 2000, total: 2000 },
      unavoidable: { read: 6000, write: 2000 },
      macs: { issued: 2 << 20, useful: 1 << 20 },
      conflicts: 25 + 7,
      waits: 24,
      shared: 33792,
      registers: 96,
      us: 5,
      limit: "memory",
      by_limit: { memory: 3, tensor: 2, "CUDA cores": 0, "shared memory": 0 },
      share: 0.25,
    });
    expect(rope).toMatchObject({ op: "rope", macs: null, share: 0.75 });
    expect([usefulShare(linear), usefulShare(rope)]).toEqual([0.5, null]);
    expect(overUnavoidable(linear)).toBe((150 + 2000) / 8000);
  });
  test("a call's later launches repeat its work and do not count", () => {
    const [p] = opProfiles(of({}, { turn: 1 }, { turn: 2 }), "isolated");
    expect([p.launches, p.us]).toEqual([1, 1.5]);
  });
  test("what is useful is unknown where one launch does not say, and nothing is over nothing", () => {
    const [p] = opProfiles(of({ site: "a" }, { site: "b", useful: null }), "isolated");
    expect(p.macs).toEqual({ issued: 2 << 20, useful: null });
    expect(usefulShare(p)).toBeNull();
    expect(overUnavoidable(opProfiles(of({ must: 0 }), "isolated")[0])).toBeNull();
  });
  test("suite cases are no layer: they have no share", () => {
    const r = of({ mode: "op", case: "tall", layer: null });
    expect(opProfiles(r, "op")[0].share).toBeNull();
    expect(opProfiles(r, "isolated")).toEqual([]);
    expect(Object.keys(launches(r))).toEqual(['["op","tall","layers.12.attn.q_a"]']);
  });
  test("one table shows the engine's own chain where it ran", () => {
    const modes = (...m: ("isolated" | "accumulated")[]) => ({
      ...of(...m.map((mode) => ({ mode }))),
      header: header({ modes: ["isolated", "accumulated"] }),
    });
    expect(profiledMode(modes("isolated", "accumulated"))).toBe("accumulated");
    expect(profiledMode(modes("isolated"))).toBe("isolated");
    expect(profiledMode(modes())).toBeNull();
  });
});

describe("as text", () => {
  test("the terminal's table: a line an op, a dash where nothing is known, and what it is not", () => {
    const text = profileText(of({ us: 4, useful: null }, { site: "r", op: "rope", us: 1, issued: 0 }));
    const lines = text.split("\n");
    expect(lines[0]).toBe("profile, isolated: a model, not a measurement");
    expect(lines[1]).toMatch(/^op +launches +read B +loads B +written B .* B200 µs +bound by +share$/);
    expect(lines[2]).toMatch(
      /^linear_fp8 +1 +3\.00 k +6\.01 k +1\.00 k +1\.00 k +1x +1\.05 M +– .* 4 +memory +80\.0 %$/,
    );
    expect(lines[3]).toMatch(/^rope .* – +– .* 1 +memory +20\.0 %$/);
    expect(lines.at(-1)).toBe(CAVEAT);
  });
  test("Markdown and JSON have it where launches were counted, and nothing where they were not", () => {
    const md = (r: Parameters<typeof markdown.render>[0]) => String(markdown.render(r)[0].content);
    const doc = (r: Parameters<typeof json.render>[0]) =>
      JSON.parse(String(json.render(r)[0].content)) as { profile: null | Record<string, unknown> };
    const [run, plain] = [profiledRun(), modelRun(3)];
    expect(md(run)).toContain(
      `### Profile: a model, not a measurement\n\n**${CAVEAT}**\n\n| op | launches |`,
    );
    expect(md(plain)).not.toContain("Profile");
    expect(profileText(plain)).toBe("");
    expect(doc(plain).profile).toBeNull();
    expect(doc(run).profile).toEqual({
      note: CAVEAT,
      by_op: {
        isolated: opProfiles(run, "isolated"),
        accumulated: opProfiles(run, "accumulated"),
      },
      launches: run.profiles,
    });
  });
});
