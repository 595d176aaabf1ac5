/** The whole run as one JSON document; numbers that JSON lacks are the strings NaN, Infinity and -Infinity. */
import type { Reporter } from "./report.ts";
import { CAVEAT, opProfiles } from "./profiles.ts";
import { growth, ledger, times } from "./tables.ts";
import { summarise } from "./summary.ts";

/** JSON with non-finite numbers as strings. */
export const toJson = (x: unknown, indent?: number): string =>
  JSON.stringify(
    x,
    (_, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v),
    indent,
  );

export const json: Reporter = {
  about: "everything as one JSON document",
  render: (r) => {
    const s = summarise(r);
    const document = {
      schema: 1,
      verdict: s.verdict,
      sentence: s.sentence,
      counts: s.counts,
      header: r.header,
      end: r.end,
      divergences: r.divergences,
      growth: growth(r),
      ledger: ledger(r),
      times: times(r, s.modes),
      profile:
        r.profiles.length === 0
          ? null
          : {
              note: CAVEAT,
              by_op: Object.fromEntries(s.modes.map((mode) => [mode, opProfiles(r, mode)])),
              launches: r.profiles,
            },
      done: [...r.done],
      rows: r.rows,
    };
    return [{ name: "report.json", content: toJson(document, 1) + "\n" }];
  },
};
