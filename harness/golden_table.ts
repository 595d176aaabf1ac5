/** `verify --golden`: a line a tensor, both oracles. */
import { runGolden, type GoldenRow } from "./golden.ts";
import { EXIT } from "./exit.ts";
import { Progress } from "./progress.ts";

const cell = (r: GoldenRow | undefined): string =>
  r === undefined ? "-" : `${r.error === 0 ? "0" : r.error.toExponential(2)}${r.ok ? "" : " > bound"}`;

/** Prints every tensor's relative L2 and returns the exit code. */
export async function golden(dir: string, tf: boolean): Promise<number> {
  const progress = new Progress(process.stderr);
  const g = await runGolden(dir, { tf, onProgress: (s) => progress.show(s) });
  progress.clear();
  const keys = [...new Set(g.rows.map((r) => r.key))];
  const width = Math.max(...keys.map((k) => k.length));
  const of = (key: string, oracle: GoldenRow["oracle"]): GoldenRow | undefined =>
    g.rows.find((r) => r.key === key && r.oracle === oracle);
  const lines = keys.map((k) => `${k.padEnd(width)}  ${cell(of(k, "exact")).padEnd(20)}${cell(of(k, "tf"))}`);
  process.stdout.write(`${"tensor".padEnd(width)}  ${"exact".padEnd(20)}tf\n${lines.join("\n")}\n`);
  const bad = g.rows.filter((r) => !r.ok);
  for (const r of bad)
    process.stdout.write(
      `${r.key}: the ${r.oracle} oracle is ${r.error.toExponential(2)} from ${g.producer}, allowed ${r.bound}; first at position ${r.first_bad ?? "?"}\n`,
    );
  const times = Object.entries(g.time_ms).map(([k, v]) => `${k} ${((v ?? 0) / 1e3).toFixed(1)} s`);
  process.stdout.write(
    `${g.rows.length - bad.length} of ${g.rows.length} tensors within bounds; ${times.join(", ")}\n`,
  );
  // our oracles against an independent implementation: a disagreement of oracles, not of a kernel
  return bad.length > 0 ? EXIT.split : g.rows.length === 0 ? EXIT.vacuous : EXIT.ok;
}
