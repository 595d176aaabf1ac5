// The router's score, shared by both gates.
#pragma once

// score = sqrt(softplus(logit)), softplus(x) = log(1 + exp(x)), x above 20
__device__ inline float gate_score(float logit) { return sqrtf(logit > 20.0f ? logit : log1pf(expf(logit))); }
