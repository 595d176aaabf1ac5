/** The HTML report in a real browser: silent, offline, drawn, navigable; and its text without one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Results } from "../harness/result.ts";
import { page as render } from "./html.ts";
import { inlineJson } from "./html_page.ts";
import { junit } from "./junit.ts";
import { hostileRun, modelRun, results, row } from "./testing.ts";
import { BROWSER, IN_CHROMIUM, launchBrowser, openReport, painted } from "./testing_browser.ts";
import { profiledRun } from "./testing_profiles.ts";

test("inlined JSON cannot end its element, and non-finite numbers survive as strings", () => {
  const text = inlineJson({ a: "</script><!--", b: [NaN, -Infinity] });
  expect(text).not.toContain("<");
  expect(JSON.parse(text)).toEqual({ a: "</script><!--", b: ["NaN", "-Infinity"] });
});

test("the page holds no address to load, and no markup from names", () => {
  const html = render(hostileRun());
  // Chart.js has tag names in strings, so only whole elements with an address count; a failure must not print 280 KB
  const addresses = [...html.matchAll(/<(?:script|img|link|iframe)\s[^<>]*?\b(?:src|href)="([^"]*)"/gi)].map(
    (m) => m[1],
  );
  expect(addresses).toEqual(["data:,"]);
  const has = (part: string): boolean => html.includes(part);
  expect([has("<script>globalThis.hacked"), has("sourceMappingURL"), has("<img src=x")]).toEqual([
    false,
    false,
    false,
  ]);
  expect(has("default-src &#39;none&#39;")).toBe(true);
});

describe.skipIf(BROWSER === undefined)(IN_CHROMIUM, () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await launchBrowser();
    folder = mkdtempSync(join(tmpdir(), "dsv4-report-"));
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  const open = (r: Results, hash = ""): Promise<{ page: Page; noise: string[] }> =>
    openReport(browser, folder, render(r), { hash });

  test("a model run: charts drawn, the failing cell leads to its worst element, links come back", async () => {
    const { page, noise } = await open(modelRun());
    expect(await page.title()).toBe("FAIL – mini mxfp4 – DeepSeek-V4 verification");
    for (const label of ["Relative L2 error over layers", "Milliseconds of each op (native)"])
      expect(await painted(page, `canvas[aria-label="${label}"]`)).toBeGreaterThan(0.01);
    expect(await painted(page, "canvas.map")).toBe(1);
    expect(await page.locator(".strip .cell").count()).toBe(61 * 21 + 31 * 2);

    await page.locator(".strip .c-FAIL").click();
    const detail = page.locator("#detail");
    expect(await detail.locator("h2").innerText()).toBe("layers.37.ffn.experts.w1");
    const worst = await detail.locator("#worst").innerText();
    for (const part of ["1.0078125", "0x3f81", "0x3f80", "1.001"]) expect(worst).toContain(part);
    expect(await detail.locator("#worst .flip").count()).toBe(2);
    for (const part of ["worst row", "0.22 at [5]", "worst 1×128 block", "1 representable bf16 values apart"])
      expect(await detail.innerText()).toContain(part);
    expect(await page.locator(".strip .cell.on").count()).toBe(1);
    expect(await painted(page, `canvas[aria-label="Histogram of ULP distances"]`)).toBeGreaterThan(0.01);

    const link = new URL(page.url()).hash;
    await page.keyboard.press("Escape");
    expect(await detail.isVisible()).toBe(false);
    expect(new URL(page.url()).hash).toBe("");
    const second = await open(modelRun(), link);
    expect(await second.page.locator("#detail h2").innerText()).toBe("layers.37.ffn.experts.w1");
    expect([...noise, ...second.noise]).toEqual([]);
    await second.page.close();
    await page.close();
  }, 60_000);

  test("modes, keys, filters and copies work", async () => {
    const { page, noise } = await open(modelRun(40));
    await page.locator("button", { hasText: /^accumulated$/ }).click();
    expect(await page.locator(".strip").getAttribute("data-mode")).toBe("accumulated");
    expect(new URL(page.url()).hash).toBe("#mode=accumulated");

    await page.locator(".strip .cell").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await page.locator("#detail h2").innerText()).toBe("layers.1.attn_hc.pre");
    await page.keyboard.press("Escape");

    const all = page.locator("section", { hasText: "All tensors" });
    await page.locator("#filter").fill("layers.37.ffn.experts.w1");
    expect(await all.locator("tbody tr").count()).toBe(2);
    await all.locator("select").selectOption("PASS");
    expect(await all.locator("tbody tr").count()).toBe(0);
    await all.locator("select").selectOption("FAIL");
    await page.evaluate(
      "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (t) => { globalThis.copied = t } } })",
    );
    await all.locator("button", { hasText: "Copy JSON" }).click();
    const copied = JSON.parse(await page.evaluate("globalThis.copied")) as {
      site: string;
      status: string;
    }[];
    expect(copied.map((x) => [x.site, x.status])).toEqual([
      ["layers.37.ffn.experts.w1", "FAIL"],
      ["layers.37.ffn.experts.w1", "FAIL"],
    ]);

    const heading = all.locator("th button", { hasText: "Share" });
    await all.locator("select").selectOption("");
    await page.locator("#filter").fill("isolated");
    await heading.click();
    expect(await all.locator("tbody tr").first().innerText()).toContain("8400 %");

    await page.locator(".divergence button").click();
    expect(await page.locator("#detail h2").innerText()).toBe("layers.37.ffn.experts.w1");
    expect(noise).toEqual([]);
    await page.close();
  }, 60_000);

  test("counted launches: bars drawn, the table sorts, a tensor shows its launch; none without counts", async () => {
    const { page, noise } = await open(profiledRun());
    for (const label of [
      "Modelled B200 time of each op by what binds it",
      "Useful share of the multiply-adds given to tensor cores",
    ])
      expect(await painted(page, `canvas[aria-label="${label}"]`)).toBeGreaterThan(0.05);
    const card = page.locator("section", { hasText: "What the launches did, by op" });
    const said = await card.innerText();
    for (const part of ["MODEL, NOT A MEASUREMENT", "never a measurement"])
      expect(said.toLowerCase()).toContain(part.toLowerCase());
    const ops = card.locator("tbody tr td:first-child");
    expect(await ops.count()).toBe(new Set(profiledRun().profiles.map((p) => p.op)).size);
    await card.locator("th button", { hasText: "Useful" }).click();
    expect(await card.locator("tbody tr").first().innerText()).toContain("66.0 %");
    await card.locator("th button", { hasText: "Op" }).click();
    expect(await ops.first().innerText()).toBe("expert_linear_mxfp4");

    // an output of several leads to the launch of its call
    await page.locator("#filter").fill("layers.0.attn_hc.comb");
    await page.locator("section", { hasText: "All tensors" }).locator("tbody tr").first().click();
    const detail = await page.locator("#detail").innerText();
    for (const part of ["33.8 kB a CTA", "1.33× is moved", "a model, not a measurement"])
      expect(detail).toContain(part);
    expect(noise).toEqual([]);
    await page.close();

    const plain = await open(modelRun(3));
    expect(await plain.page.locator("main").innerText()).not.toContain("What the launches did");
    await plain.page.locator(".strip .cell").first().click();
    expect(await plain.page.locator("#detail").innerText()).not.toContain("a CTA");
    expect(plain.noise).toEqual([]);
    await plain.page.close();
  }, 60_000);

  test("hostile names and non-finite numbers stay text", async () => {
    const { page, noise } = await open(hostileRun());
    expect(await page.evaluate("typeof globalThis.hacked")).toBe("undefined");
    expect(await page.locator("main img, main script, #detail img").count()).toBe(0);
    for (const cell of await page.locator(".strip .cell[data-key]").all()) {
      await cell.click();
      expect(await page.locator("#detail #sentence").innerText()).toContain("</script><script>");
      await page.keyboard.press("Escape");
    }
    const text = await page.locator("main").innerText();
    for (const part of ["NaN", "∞", "1.00e-300"]) expect(text).toContain(part);
    expect(await painted(page, `canvas[aria-label="Relative L2 error over layers"]`)).toBeGreaterThan(0.01);
    expect(noise).toEqual([]);
    await page.close();
  }, 60_000);

  test("a run without rows, and one of cases only, are pages too", async () => {
    const empty = await open(results([], { end: null }));
    expect(await empty.page.locator(".pill").innerText()).toBe("EMPTY");
    expect(await empty.page.locator("main").innerText()).toContain("the run was cut off");
    const cases = ["t1", "t127", "nan"].map((c) =>
      row({
        mode: "op",
        layer: null,
        case: c,
        site: "rmsnorm",
        op: "rmsnorm",
        status: c === "nan" ? "ERROR" : "PASS",
      }),
    );
    const unmeasured = row({
      mode: "op",
      layer: null,
      case: "x",
      site: "sample",
      op: "sample",
      status: "UNSUPPORTED",
    });
    const op = await open(results([...cases, unmeasured]));
    expect(await op.page.locator(".strip .cell[data-key]").count()).toBe(4);
    await op.page.locator(".strip .c-UNSUPPORTED[data-key]").click();
    expect(await op.page.locator("#detail").innerText()).toContain("Nothing was measured.");
    expect([...empty.noise, ...op.noise]).toEqual([]);
    await empty.page.close();
    await op.page.close();
  }, 60_000);

  test("the JUnit report of hostile names is well-formed XML", async () => {
    const page = await browser.newPage();
    const xml = String(junit.render(hostileRun())[0].content);
    const found: unknown = await page.evaluate(`(() => {
        const d = new DOMParser().parseFromString(${JSON.stringify(xml)}, "application/xml");
        return [d.querySelectorAll("parsererror").length, d.querySelectorAll("testcase").length, d.querySelector("testcase").getAttribute("name")];
      })()`);
    expect(found).toEqual([0, 7, hostileRun().rows[0].site]);
    await page.close();
  }, 60_000);
});
