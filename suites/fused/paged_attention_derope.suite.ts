import { suite } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/paged_attention_derope.op.ts";
import { inPages } from "../attention/pages.ts";
import { wide } from "./attention.ts";

export default suite(op, [
  ...wide.map((c) => inPages(c)),
  inPages(wide[0], { page_size: 73 }, "page_size=73"),
  inPages(wide[0], { page_size: 1 }, "page_size=1"),
]);
