/** What `sim bench` makes of the program's lines. */
import { expect, test } from "vitest";
import { benchTable, parseBench } from "./commands/sim_bench.ts";

const TEXT = `uninitialised reads checked
fma_chain (1 CTA)           42.602 ms   10.07 G thread-instr/s,  12.45 a core    2.57 ns a warp-instr on a core
not checked
fma_chain (1 CTA)           34.272 ms   12.51 G thread-instr/s,   1.52 a core    2.56 ns a warp-instr on a core
tcgen05.mma 128 x 256, faults checked
f16                         39.758 ms   13.50 GMAC/s,  17.27 a core
mma.sync 16 x 8, not checked
f16                         37.400 ms    8.75 GMAC/s,   7.35 a core
tensor copy of 16 KB, not checked
load, 128B swizzle          45.677 ms    1.43 GB/s,   5.57 a core
tile_loop, order checked   314.423 ms    0.11 G thread-instr/s,   0.12 a core  288.40 ns a warp-instr on a core
`;

test("figures are those of one core, under the section's name", () => {
  expect(parseBench(TEXT)).toEqual({
    "fma_chain (1 CTA), checked": 12.45,
    "fma_chain (1 CTA), not checked": 1.52,
    "tcgen05.mma f16, checked": 17.27,
    "mma.sync f16, not checked": 7.35,
    "tensor copy load, 128B swizzle, not checked": 5.57,
    "tile_loop, checked": 0.12,
  });
});

test("a line says goal and ratio", () => {
  const [met, missed, , matrix, copy] = benchTable(parseBench(TEXT), { "fma_chain (1 CTA), checked": 24.9 });
  expect(met).toMatch(/12\.45 G thread-instr\/s\s+goal\s+0\.67 met\s+0\.50 of 24\.90/u);
  expect(missed).toMatch(/1\.52 G thread-instr\/s\s+goal\s+2\.00 NOT MET\s+new/u);
  expect(matrix).toMatch(/7\.35 GMAC\/s\s+new/u);
  expect(copy).toMatch(/5\.57 GB\/s\s+new/u);
});
