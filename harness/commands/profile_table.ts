/** The table of one counted launch: `sim profile`. */
import { si } from "../../reports/format.ts";
import { issuedMacs, type LaunchProfile } from "../profile.ts";
import { roofline } from "../roofline.ts";

const percent = (part: number, whole: number): string =>
  whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;

/** Lines of the table of one launch. `useful`: multiply-adds that its results need, null where nobody said. */
export function profileTable(p: LaunchProfile, useful: number | null): string[] {
  const row = (name: string, value: string, note = ""): string =>
    `  ${name.padEnd(24)} ${value.padStart(12)}  ${note}`.trimEnd();
  const lines = [
    `${p.kernel} <<<${p.grid.join(" x ")}, ${p.block.join(" x ")}>>>${p.cluster.some((c) => c > 1) ? `, cluster ${p.cluster.join(" x ")}` : ""}`,
    row("registers a thread", String(p.registers), "values alive at once in the PTX; ptxas may need more"),
    row(
      "shared memory",
      `${si(p.static_smem + p.dynamic_smem)}B`,
      `${p.static_smem} static, ${p.dynamic_smem} dynamic`,
    ),
  ];
  if (p.tmem_columns > 0) lines.push(row("tensor memory", `${p.tmem_columns}`, "columns of 512"));
  lines.push(row("thread instructions", si(p.thread_instructions), `${si(p.warp_instructions)} of warps`));
  for (const [name, c] of Object.entries(p.instructions).sort((a, b) => b[1].thread - a[1].thread))
    if (c.warp > 0) lines.push(row(`  ${name}`, si(c.thread), percent(c.thread, p.thread_instructions)));
  for (const [name, b] of Object.entries(p.bytes))
    if (typeof b === "object" && (b.total ?? 0) > 0)
      lines.push(row(name.replace("_", " "), `${si(b.total ?? 0)}B`));
  lines.push(row("device bytes read", `${si(p.bytes.global_read_unique)}B`, "each byte once"));
  lines.push(row("device bytes written", `${si(p.bytes.global_write_unique)}B`, "each byte once"));
  for (const [kind, m] of Object.entries(p.mma)) lines.push(row(kind, `${si(m.issued)}MAC`, "issued"));
  const issued = issuedMacs(p);
  if (issued > 0)
    lines.push(
      useful === null
        ? row("useful", "-", `"useful_macs" of the launch file says it`)
        : row("useful", `${si(useful)}MAC`, `${percent(useful, issued)} of issued`),
    );
  lines.push(
    row(
      "bank conflicts",
      si(p.shared_wavefronts.issued - p.shared_wavefronts.ideal),
      `wavefronts beyond ${si(p.shared_wavefronts.ideal)}`,
    ),
    row(
      "uncoalesced sectors",
      si(p.global_sectors.issued - p.global_sectors.ideal),
      `of 32 bytes, beyond ${si(p.global_sectors.ideal)}`,
    ),
    row(
      "waits",
      si(p.waits.barrier + p.waits.mbarrier + p.waits.cluster),
      `barrier ${p.waits.barrier}, mbarrier ${p.waits.mbarrier}, cluster ${p.waits.cluster}`,
    ),
  );
  const model = roofline(p);
  lines.push(
    `  modelled on a B200: at least ${model.microseconds.toPrecision(3)} us, bound by ${model.bound} (${model.sms} SMs; a model, not a measurement)`,
  );
  for (const t of model.terms.slice(0, 4))
    lines.push(row(`  ${t.name}`, `${t.microseconds.toPrecision(3)} us`));
  return lines;
}
