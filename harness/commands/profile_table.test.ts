/** What `sim profile` says of one launch. */
import { expect, test } from "vitest";
import { profile } from "../../reports/testing_profiles.ts";
import { profileTable } from "./profile_table.ts";

const { counts } = profile({ issued: 1 << 20 });

test("useful products are a share of those issued where the launch file says so, else a dash", () => {
  const line = (useful: number | null) => profileTable(counts, useful).find((l) => /^ {2}useful/.test(l));
  expect(line(1 << 19)).toMatch(/^ {2}useful +524\.3 kMAC {2}50\.0 % of issued$/);
  expect(line(null)).toMatch(/^ {2}useful +- {2}"useful_macs" of the launch file says it$/);
  expect(profileTable(counts, null).find((l) => /^ {2}mma\.f16/.test(l))).toMatch(/1\.049 MMAC {2}issued$/);
});

test("a kernel without tensor cores has no line of products", () => {
  const { counts: plain } = profile({ issued: 0 });
  expect(profileTable(plain, null).join("\n")).not.toContain("useful");
});

test("the modelled time is called a model", () => {
  expect(profileTable(counts, null).join("\n")).toMatch(
    /modelled on a B200: at least .* a model, not a measurement/,
  );
});
