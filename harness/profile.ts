/** What the virtual SM100 counts of a launch (native/sim/machine/profile.h writes this JSON), and its table. */
import { z } from "zod";
import { roofline } from "./roofline.ts";

const count = z.number().nonnegative();
const total = z.object({ total: count }).partial();
const dims = z.array(count).length(3);

export const launchProfile = z.object({
  kernel: z.string(),
  grid: dims,
  block: dims,
  cluster: dims,
  registers: count,
  static_smem: count,
  dynamic_smem: count,
  tmem_columns: count,
  warp_instructions: count,
  thread_instructions: count,
  seconds: count,
  instructions: z.record(z.string(), z.object({ warp: count, thread: count })),
  bytes: z.object({
    global_read_unique: count,
    global_write_unique: count,
    global_load: total.optional(),
    global_store: total.optional(),
    shared_load: total.optional(),
    shared_store: total.optional(),
    tmem_load: total.optional(),
    tmem_store: total.optional(),
    tma_load: total.optional(),
    tma_store: total.optional(),
    local_load: total.optional(),
    local_store: total.optional(),
  }),
  mma: z.record(z.string(), z.object({ issued: count, useful: count })),
  waits: z.object({ barrier: count, mbarrier: count, cluster: count }),
  shared_wavefronts: z.object({ issued: count, ideal: count }),
  global_sectors: z.object({ issued: count, ideal: count }),
});
export type LaunchProfile = z.infer<typeof launchProfile>;

export const parseProfiles = (json: string): LaunchProfile[] =>
  z.array(launchProfile).parse(JSON.parse(json));

const SI: readonly (readonly [number, string])[] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];
export function si(n: number): string {
  const [scale, letter] = SI.find(([s]) => n >= s) ?? [1, ""];
  return `${scale === 1 ? Math.round(n) : (n / scale).toPrecision(4)}${letter && ` ${letter}`}`;
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;

/** Lines of the table of one launch. */
export function profileTable(p: LaunchProfile): string[] {
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
  for (const [kind, m] of Object.entries(p.mma))
    lines.push(row(kind, `${si(m.issued)}MAC`, `useful ${percent(m.useful, m.issued)}`));
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
