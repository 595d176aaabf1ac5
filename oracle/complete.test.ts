import { expect, it } from "vitest";
import { loadOps } from "../kernels/registry.ts";

it("every op but the fusions has an exact oracle, and a regret where an output is a choice, each in a file of its own", async () => {
  for (const op of await loadOps()) {
    if (op.parts) continue;
    const mod = (await import(`./${op.family}/${op.name}.ts`)) as Record<string, unknown>;
    const choice = Object.values(op.out).some((o) => o.judge.kind === "choice");
    expect(typeof mod.exact, op.name).toBe("function");
    expect(typeof mod.regret, op.name).toBe(choice ? "function" : "undefined");
  }
});
