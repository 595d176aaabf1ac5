import { expect, test } from "vitest";
import { encode, rowSchema } from "../harness/result.ts";
import { REPORTERS } from "./index.ts";
import { json } from "./json.ts";
import { junit, xmlText } from "./junit.ts";
import { markdown } from "./markdown.ts";
import { hostileRun, modelRun, results, row } from "./testing.ts";
import type { Reporter } from "./report.ts";

const text = (reporter: Reporter, r: Parameters<Reporter["render"]>[0]): string =>
  String(reporter.render(r)[0].content);

test("every reporter has a line of help and gives named files for any run", () => {
  const names = Object.values(REPORTERS).flatMap((reporter) => {
    expect(reporter.about).not.toBe("");
    return [modelRun(2), hostileRun(), results([])].flatMap((r) => {
      const files = reporter.render(r);
      for (const f of files) expect(f.content.length).toBeGreaterThan(100);
      return files.map((f) => f.name);
    });
  });
  expect(new Set(names).size).toBe(7);
  for (const n of names) expect(n).toMatch(/^[a-z]+\.(html|xml|json|md|png)$/);
});

test("json keeps every row, non-finite numbers included", () => {
  const r = hostileRun();
  const document = JSON.parse(text(json, r)) as { rows: unknown[]; verdict: string };
  expect(document.verdict).toBe("FAIL");
  expect(document.rows).toHaveLength(7);
  document.rows.forEach((x, i) => expect(encode(rowSchema.parse(x))).toBe(encode(r.rows[i])));
});

test("junit counts each outcome once and skips nothing silently", () => {
  const xml = text(junit, hostileRun());
  // FAIL, FLAKY, VACUOUS · ERROR, ORACLE_SPLIT · UNSUPPORTED
  expect(xml).toContain(`<testsuites name="dsv4-verify" tests="7" failures="3" errors="2" skipped="1">`);
  expect(xml.match(/<failure /g)).toHaveLength(3);
  expect(xml.match(/<error /g)).toHaveLength(2);
  expect(xml.match(/<skipped /g)).toHaveLength(1);
  expect(xml.match(/<testcase /g)).toHaveLength(7);
  expect(xml).toContain(`<testsuite name="isolated layer 0" tests="1"`);
  expect(xml).toContain("worst element [5, 400]: native 1.0078125 (0x3f81), faithful 1 (0x3f80), 1 ulp");
});

test("junit is free of raw markup and of characters that XML forbids", () => {
  const xml = text(junit, hostileRun());
  expect(xml).not.toContain("<script");
  expect(xml).not.toContain("<img");
  expect(xml).not.toContain("]]>");
  expect(xml).toContain("&lt;/script&gt;");
  // oxlint-disable-next-line no-control-regex -- exactly these must be gone
  expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
  expect(xmlText("a\u0000b\ud800c😀")).toBe("a\ufffdb\ufffdc😀");
});

test("junit fails a run that compared nothing or was cut off", () => {
  expect(text(junit, results([]))).toContain(`type="EMPTY"`);
  const cut = text(junit, results([row()], { end: null }));
  expect(cut).toContain(`tests="2" failures="1"`);
  expect(cut).toContain(`type="INCOMPLETE"`);
  expect(text(junit, results([row()]))).not.toContain("<failure");
});

test("markdown says the verdict first and keeps tables whole", () => {
  const md = text(markdown, modelRun());
  expect(md.startsWith("## FAIL: DeepSeek-V4 verification\n\n2 of 2686 tensors do not pass")).toBe(true);
  expect(md).toContain("| FAIL | isolated | `layers.37.ffn.experts.w1` |");
  expect(md).toContain("41 more are in the full report.");
  expect(md).toContain("- **accumulated**, `layers.37.ffn.experts.w1`: Native leaves");
  const hostile = text(markdown, hostileRun());
  expect(hostile.replaceAll(/`[^`\n]*`/g, "")).not.toMatch(/<[a-z/]/i);
  // a table line has as many bars as its heading, escaped ones aside
  for (const block of hostile.split("\n\n").filter((b) => b.startsWith("| "))) {
    const bars = block.split("\n").map((l) => l.replaceAll("\\|", "").split("|").length);
    expect(new Set(bars).size).toBe(1);
  }
});
