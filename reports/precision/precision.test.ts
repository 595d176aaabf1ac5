/** Reports of a precision record: the numbers are there, the page is quiet and drawn, and hostile text stays text. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodePrecision, type PrecisionRecord } from "../../harness/precision/record.ts";
import { sampleRecord } from "../../harness/precision/testing.ts";
import { BROWSER, drawn, IN_CHROMIUM, launchBrowser, openReport, painted } from "../testing_browser.ts";
import { precisionPage } from "./html.ts";
import { PRECISION_REPORTERS } from "./index.ts";
import { choiceLines, compounding, headline, opLines } from "./tables.ts";
import { precisionText } from "./text.ts";

test("tables: shipped formats first, then what costs most; an op's worst place speaks for it", () => {
  const r = sampleRecord();
  const lines = choiceLines(r);
  expect(lines.map((l) => l.id).slice(0, 3)).toEqual(["shipped", "shipped-nvfp4", "expert-weights-mxfp4"]);
  expect(lines.slice(2).every((l, i, all) => i === 0 || l.rel_l2 <= all[i - 1].rel_l2)).toBe(true);
  expect(lines[0].rel_l2).toBeCloseTo(0.04 * 1.05 ** 60, 12);
  expect(lines[0].growth!.factor).toBeCloseTo(1.05, 10);
  const ops = opLines(r);
  expect(ops.map((o) => o.op)).toEqual(["expert_linear_mxfp4", "act_quant_fp8", "hc_post"]);
  expect(ops[0]).toMatchObject({
    places: 2,
    isolated: 0.9945,
    isolated_worst: { place: "ffn.experts.w2", layer: 7 },
    accumulated: { place: "ffn.experts.w1", cosine: 0.75 },
  });
});

test("own errors add up like unrelated ones, in streams that grow", () => {
  const c = compounding(sampleRecord())!;
  expect(c.added[0]).toBeCloseTo(0.04, 12);
  const two = Math.hypot(0.04 * 30, 0.04 * 31) / 31;
  expect(c.added[1]).toBeCloseTo(two, 12);
  expect(compounding(sampleRecord({ shipped: null }))).toBe(null);
});

test("console and markdown say the numbers, and what was cut off", () => {
  const text = precisionText(sampleRecord({ unfinished: ["kv-fp8"] }));
  for (const part of [
    "mini, 61 layers, 32 tokens, seed 0",
    "As shipped",
    "x 1.050",
    "0.99450",
    "KV cache NVFP4 (what if)",
    "interrupted before: kv-fp8",
    "The dearest single format is Expert weights MXFP4",
  ])
    expect(text).toContain(part);
  const md = String(PRECISION_REPORTERS.markdown(sampleRecord()).content);
  expect(md).toContain("| KV cache FP8 |");
  expect(md).toContain("- Masters are drawn.");
  expect(
    md
      .split("\n")
      .filter((l) => l.startsWith("|"))
      .every((l) => l.endsWith("|")),
  ).toBe(true);
  const json = String(PRECISION_REPORTERS.json(sampleRecord()).content);
  expect(decodePrecision(json, "precision.json")).toEqual(sampleRecord());
});

test("a run with one choice, without the shipped one and without growth has its reports too", () => {
  const [, , one] = sampleRecord().choices;
  const r = sampleRecord({
    choices: [{ ...one, growth: null, layers: one.layers.slice(0, 1) }],
    layers: ["hca"],
    shipped: null,
  });
  for (const make of Object.values(PRECISION_REPORTERS))
    expect(String(make(r).content).length).toBeGreaterThan(500);
  expect(headline(r)).toBe(
    "The dearest single format is Expert weights MXFP4: relative L2 0.0044 at the end by itself.",
  );
  expect(headline({ ...r, choices: [] })).toBe("No choice was measured.");
});

const HOSTILE = `</script><script>globalThis.hacked = 1</script><img src=x>|\`<b>`;
const hostile = (): PrecisionRecord => {
  const r = sampleRecord({ command: HOSTILE, method: [HOSTILE] });
  return { ...r, choices: r.choices.map((c) => ({ ...c, title: HOSTILE, what: HOSTILE })) };
};

test("hostile text is neither markup nor a table's border", () => {
  const html = precisionPage(hostile());
  expect([html.includes("<script>globalThis.hacked"), html.includes("<img src=x")]).toEqual([false, false]);
  const md = String(PRECISION_REPORTERS.markdown(hostile()).content);
  // in code it is text as it stands
  expect(md.split("\n").filter((l) => l.includes("<img") && !/^Again: `[^`]*`$/.test(l))).toEqual([]);
  const header = md.split("\n").find((l) => l.startsWith("| choice"))!;
  const bars = (l: string): number => l.replaceAll("\\|", "").split("|").length;
  const rows = md.split("\n").filter((l) => l.startsWith("| &lt;/script"));
  expect(rows.length).toBeGreaterThan(10);
  for (const l of rows) expect(bars(l)).toBe(bars(header));
});

describe.skipIf(BROWSER === undefined)(IN_CHROMIUM, () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await launchBrowser();
    folder = mkdtempSync(join(tmpdir(), "dsv4-precision-"));
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    if (folder) rmSync(folder, { recursive: true });
  });
  const open = (
    r: PrecisionRecord,
    scheme: "light" | "dark" = "light",
  ): Promise<{ page: Page; noise: string[] }> => openReport(browser, folder, precisionPage(r), { scheme });

  test("lines, heat and story are drawn; another metric shows other numbers; names leave a line alone", async () => {
    const r = sampleRecord();
    const { page, noise } = await open(r);
    const lines = `canvas[aria-label="relative L2 of the four streams over layers"]`;
    for (const canvas of [
      lines,
      `canvas[aria-label="Error of each layer alone, added up, and accumulated"]`,
      `canvas[aria-label="Distance of each op's cosine from 1, alone and accumulated"]`,
    ])
      expect(await painted(page, canvas), canvas).toBeGreaterThan(0.01);
    expect(await page.locator(".heat tbody .cell").count()).toBe(r.choices.length * 61);
    expect(await page.locator(".tile").count()).toBe(6);
    expect(await page.locator(".names .name").first().innerText()).toContain("0.747");

    const all = await page.locator(lines).screenshot();
    await page.locator(".names .name", { hasText: "KV cache FP8" }).click();
    await drawn(page);
    expect(await page.locator(".names .name.off").count()).toBe(1);
    await page.mouse.move(0, 0); // the line of the name under the pointer stands alone
    await drawn(page);
    expect(all.equals(await page.locator(lines).screenshot())).toBe(false);

    await page.locator("button[aria-pressed]", { hasText: "Top-k kept" }).click();
    await drawn(page);
    expect(
      await painted(page, `canvas[aria-label="choices of the indexer in common over layers"]`),
    ).toBeGreaterThan(0.01);
    // only CSA layers have an indexer
    expect(await page.locator(".heat tbody .cell").count()).toBe(r.choices.length * 30);
    await page.locator(".heat tbody .cell").last().hover();
    expect(await page.locator("#tip").innerText()).toMatch(/layer 60 \(csa\): \d+ %/);
    expect(noise).toEqual([]);
    await page.close();
  }, 60_000);

  test("dark, hostile, and without the shipped chain", async () => {
    const dark = await open(sampleRecord(), "dark");
    const ground = "getComputedStyle(document.body).backgroundColor";
    expect(await dark.page.evaluate(ground)).toBe("rgb(16, 24, 31)");
    const bad = await open(hostile());
    expect(await bad.page.evaluate("globalThis.hacked")).toBeUndefined();
    expect(await bad.page.locator("main img").count()).toBe(0);
    const part = await open(
      sampleRecord({ shipped: null, unfinished: ["shipped"], choices: sampleRecord().choices.slice(3, 5) }),
    );
    expect(await part.page.locator("main").innerText()).toContain("Interrupted before: shipped.");
    expect(await part.page.locator(".tile").count()).toBe(0);
    expect([...dark.noise, ...bad.noise, ...part.noise]).toEqual([]);
    for (const { page } of [dark, bad, part]) await page.close();
  }, 60_000);
});
