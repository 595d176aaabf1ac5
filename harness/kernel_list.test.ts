import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Launch } from "./counts/figures.ts";
import { kernelList, kernelTable, ptxFacts } from "./kernel_list.ts";

const UMMA = `
	cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd1, {%r2, %r3}], [%r4];
	cp.async.bulk.tensor.2d.shared::cta.global.tile::gather4.mbarrier::complete_tx::bytes.cta_group::1 [%r1], [%rd1, {%r2, %r3, %r3, %r3, %r3}], [%r4];
	cp.async.bulk.commit_group;
	tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%r5], %r6;
	tcgen05.mma.cta_group::1.kind::mxf8f6f4.block_scale.scale_vec::1X [%r1], %rd2, %rd3, %r7, [%r8], [%r9], p;
`;

test("tensor core, TMA and tensor memory are read off the PTX", () => {
  expect(ptxFacts(UMMA)).toEqual({
    mma: ["kind::mxf8f6f4"],
    tma: ["gather4", "tensor.2d"],
    tmem_columns: "by shape",
  });
  expect(ptxFacts(UMMA.replace(", %r6", ", 256")).tmem_columns).toBe(256);
  expect(ptxFacts("\tmma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1}, {%r1};\n")).toEqual({
    mma: ["mma.sync bf16"],
    tma: [],
    tmem_columns: null,
  });
});

test("a kernel and its variant are two lines, portable first; spills are added up", () => {
  const dir = mkdtempSync(join(tmpdir(), "dsv4-kernels-"));
  try {
    const put = (module: string, ptx: string, spill: number): void => {
      writeFileSync(join(dir, `${module}.ptx`), ptx);
      writeFileSync(join(dir, `${module}.sm_100a.cubin`), new Uint8Array(2048));
      const numbers = { registers: 56, stack_bytes: 0, static_smem_bytes: 16, constant_bytes: 900 };
      const spills = { spill_store_bytes: spill, spill_load_bytes: 2 * spill };
      writeFileSync(
        join(dir, `${module}.sm_100a.json`),
        JSON.stringify({ op: module, arch: "sm_100a", ...numbers, ...spills }),
      );
    };
    put("linear_fp8.sm100", UMMA, 4);
    put("linear_fp8", "", 0);
    const all = kernelList(dir);
    expect(all.map((k) => [k.op, k.variant, k.spill_bytes, k.cubin_bytes])).toEqual([
      ["linear_fp8", "portable", 0, 2048],
      ["linear_fp8", "sm100", 12, 2048],
    ]);
    expect(all[1].tmem_columns).toBe("by shape");
    expect(kernelTable(all)[2]).toMatch(/^linear_fp8 +sm100 +56 +12 .* kind::mxf8f6f4 +gather4, tensor\.2d$/);
    // launches that were counted say what the shape makes of it
    const launch = (tmem: number) => ({ op: "linear_fp8", variant: "sm100" as const, tmem }) as Launch;
    const scenarios = {
      "decode 1": { a: launch(64), b: launch(64) },
      "prefill 128": { a: launch(512), b: launch(64) },
    };
    const counted = kernelList(dir, { config: "pro", context: 1, date: "", kernels: {}, scenarios });
    expect(counted[1].tmem_columns).toEqual({ 64: ["decode 1", "prefill 128"], 512: ["prefill 128"] });
    expect(counted[0].tmem_columns).toBeNull();
    expect(kernelTable(counted)[2]).toMatch(/^linear_fp8 +sm100 .* 64\.\.512 /);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
