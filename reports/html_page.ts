/**
 * A report as one HTML file that works from a disk without network: Chart.js, styles, scripts and data are inside, and a
 * content policy that lists their hashes keeps everything else out, hostile names included.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { escapeMarkup } from "./format.ts";
import { toJson } from "./json.ts";

const own = (name: string): string => readFileSync(join(import.meta.dirname, "html", name), "utf8");

/** The package exports no path to its UMD file, so it is read beside the entry that it does export. */
function chartJs(): string {
  const entry = createRequire(import.meta.url).resolve("chart.js");
  return readFileSync(join(dirname(entry), "chart.umd.min.js"), "utf8").replace(
    /\/\/# sourceMappingURL=.*$/m,
    "",
  );
}

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** JSON inside a script element: with every `<` escaped no value can end the element or open a comment. */
export const inlineJson = (x: unknown): string => toJson(x).replaceAll("<", "\\u003c");

export interface PageParts {
  /** Of the window. */
  readonly title: string;
  readonly heading: string;
  /** A word before the heading. */
  readonly pill: string;
  readonly sentence: string;
  /** What `app.data` is. */
  readonly data: unknown;
  /** Files in `reports/html`, scripts in the order in which they run. */
  readonly styles: readonly string[];
  readonly scripts: readonly string[];
}

export function htmlPage(p: PageParts): string {
  const style = p.styles.map(own).join("");
  const scripts = [chartJs(), ...p.scripts.map(own)];
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${scripts.map(hash).join(" ")}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeMarkup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeMarkup(p.title)}</title>
<style>${style}</style>
</head>
<body data-verdict="${escapeMarkup(p.pill)}">
<header class="top">
<div class="bar"><span class="pill">${escapeMarkup(p.pill)}</span><h1>${escapeMarkup(p.heading)}</h1></div>
<p class="sentence">${escapeMarkup(p.sentence)}</p>
</header>
<main id="main"><noscript><p>The tables and charts of this report need JavaScript; the sentence above does not.</p></noscript></main>
<aside id="detail" hidden aria-label="Details of one tensor"></aside>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${inlineJson(p.data)}</script>
${scripts.map((s) => `<script>${s}</script>`).join("\n")}
</body>
</html>
`;
}
