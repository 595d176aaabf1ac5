/** What the HTML report carries as data: the rows, and every table that is computed once. */
import type { Mode, Results } from "../harness/result.ts";
import { CAVEAT, launches, opProfiles, type OpProfile } from "./profiles.ts";
import { growth, ledger, strip, times, tokenMap, type OpTime } from "./tables.ts";
import { environment, MEANING, summarise } from "./summary.ts";

export function view(r: Results) {
  const s = summarise(r);
  const index = new Map(r.rows.map((row, i) => [row, i]));
  return {
    verdict: s.verdict,
    sentence: s.sentence,
    meaning: MEANING,
    counts: s.counts,
    command: r.header.command,
    title: `${r.header.config} ${r.header.format}`,
    device: r.header.device,
    started: r.header.started,
    tokens: r.header.tokens,
    wall_s: r.end?.wall_s ?? null,
    environment: environment(r),
    modes: s.modes,
    findings: s.findings.map((row) => index.get(row)!),
    strips: s.modes.map((mode) => strip(r, mode)),
    growth: growth(r),
    tokens_map: tokenMap(r),
    divergences: r.divergences,
    ledger: ledger(r),
    times: Object.fromEntries(s.modes.map((mode): [Mode, OpTime[]] => [mode, times(r, [mode])])),
    profiles: Object.fromEntries(s.modes.map((mode): [Mode, OpProfile[]] => [mode, opProfiles(r, mode)])),
    launches: launches(r),
    caveat: CAVEAT,
    rows: r.rows,
  };
}

export type View = ReturnType<typeof view>;
