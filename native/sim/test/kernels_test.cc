// Kernels compiled by nvcc: arithmetic, divergence, barriers, calls, local memory, atomics, locks.
#include <cmath>
#include <numeric>
#include <random>

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

namespace {
std::vector<int> random_ints(size_t n, int low, int high, unsigned seed = 1) {
  std::mt19937 rng(seed);
  std::vector<int> v(n);
  for (int& x : v) x = std::uniform_int_distribution<int>(low, high)(rng);
  return v;
}
std::vector<float> random_floats(size_t n, unsigned seed = 1) {
  std::mt19937 rng(seed);
  std::vector<float> v(n);
  for (float& x : v) x = std::uniform_real_distribution<float>(-2, 2)(rng);
  return v;
}
}  // namespace

TEST(nvcc_vector_add) {
  for (int n : {1, 31, 32, 33, 1000}) {
    Array<float> a(random_floats(size_t(n), 1)), b(random_floats(size_t(n), 2)), c(static_cast<size_t>(n));
    run(*kernels("basic"), "vector_add", {uint32_t(n + 95) / 96}, {96}, params(a.at, b.at, c.at, n));
    for (int i = 0; i < n; ++i) CHECK_EQ(c[size_t(i)], a[size_t(i)] + b[size_t(i)], "at ", i, " of ", n);
  }
}

TEST(nvcc_reduce_sum) {
  const int n = 1000, rows = 5;
  std::vector<float> x(n * rows);
  std::iota(x.begin(), x.end(), 0.0f);
  Array<float> in(x), out(rows);
  run(*kernels("basic"), "reduce_sum", {rows}, {256}, params(in.at, out.at, n));
  for (int r = 0; r < rows; ++r) CHECK_EQ(out[size_t(r)], float(r) * n * n + n * (n - 1) / 2, "row ", r);
}

TEST(nvcc_softmax) {
  const int n = 77, rows = 3;
  std::vector<float> x = random_floats(n * rows);
  Array<float> in(x), out(n * rows);
  run(*kernels("basic"), "softmax", {rows}, {64}, params(in.at, out.at, n), n * 4);
  for (int r = 0; r < rows; ++r) {
    double m = -1e30, s = 0;
    for (int i = 0; i < n; ++i) m = std::max(m, double(x[size_t(r * n + i)]));
    for (int i = 0; i < n; ++i) s += std::exp(x[size_t(r * n + i)] - m);
    for (int i = 0; i < n; ++i) {
      double want = std::exp(x[size_t(r * n + i)] - m) / s;
      CHECK(std::abs(out[size_t(r * n + i)] - want) <= 1e-6 * want, "row ", r, " element ", i, ": ",
            out[size_t(r * n + i)], " for ", want);
    }
  }
}

TEST(nvcc_divergent) {
  const int n = 500;
  auto v = random_ints(n, 0, 60);
  Array<int> in(v), out(n);
  run(*kernels("basic"), "divergent", {4}, {128}, params(in.at, out.at, n));
  for (int i = 0; i < n; ++i) {
    int x = v[size_t(i)], s = 0;
    for (int k = 0; k < x; ++k) {
      if (k % 3 == 0)
        s += k;
      else if ((k ^ i) & 1) {
        for (int j = 0; j < k % 5; ++j) s = int(unsigned(s) * 3u + unsigned(j));
        if (s > 100000) break;
      } else {
        s -= x;
        if (s < -50) continue;
      }
      s ^= k;
    }
    switch (x % 7) {
      case 0: s += 1; break;
      case 1: s = int(unsigned(s) * 2u); break;
      case 2: s -= 3; [[fallthrough]];
      case 3: s ^= 4; break;
      case 4: s = ~s; break;
      case 5: s += x * 5; break;
      default: s = 6 - s;
    }
    CHECK_EQ(out[size_t(i)], s, "at ", i);
  }
}

TEST(nvcc_calls) {
  const int n = 50;
  auto v = random_ints(n, 1, 1000);
  Array<int> in(v);
  Array<long long> out(n);
  run(*kernels("basic"), "calls", {1}, {64}, params(in.at, out.at, n));
  for (int i = 0; i < n; ++i) {
    long long a = v[size_t(i)], b = i, c = i + 1;
    if (i & 1) {
      long long x = a + 7, na = x + b, nb = std::gcd(x, a);
      c *= x, a = na, b = nb;
    }
    CHECK_EQ(out[size_t(i)], a * 1000000 + b * 1000 + c, "at ", i);
  }
}

TEST(nvcc_local_array) {
  const int n = 64;
  auto v = random_ints(n, 0, 1000);
  Array<int> in(v), out(n);
  run(*kernels("basic"), "local_array", {1}, {n}, params(in.at, out.at, n));
  for (int i = 0; i < n; ++i) {
    int a[16], s = 0;
    for (int k = 0; k < 16; ++k) a[k] = v[size_t((i + k) % n)];
    for (int k = 0; k < 16; ++k) {
      int j = a[k] & 15, t = a[j];
      a[j] = a[k], a[k] = t;
    }
    for (int k = 0; k < 16; ++k) s = int(unsigned(s) * 31u + unsigned(a[k]));
    CHECK_EQ(out[size_t(i)], s, "at ", i);
  }
}

TEST(nvcc_histogram) {
  auto v = random_ints(10000, 0, 99);
  std::vector<int> want(16);
  for (int x : v) ++want[size_t(x & 15)];
  Array<int> in(v), bins(std::vector<int>(16));
  run(*kernels("basic"), "histogram", {7}, {128}, params(in.at, bins.at, 10000));
  CHECK(bins.values() == want);
}

TEST(nvcc_spin_lock) {
  Array<int> lock(std::vector<int>{0}), counter(std::vector<int>{0});
  run(*kernels("basic"), "spin_lock", {3}, {64}, params(lock.at, counter.at));
  CHECK_EQ(counter[0], 192);
}

TEST(nvcc_grid_meeting) {
  Array<int> arrived(std::vector<int>{0}), out(40 * 32);
  run(*kernels("basic"), "grid_meeting", {40}, {32}, params(arrived.at, out.at));
  for (size_t i = 0; i < out.n; ++i) CHECK_EQ(out[i], 40, "at ", i);
}

TEST(nvcc_named_barriers) {
  auto v = random_ints(32 * 20, 0, 1000);
  Array<int> in(v), out(v.size());
  run(*kernels("basic"), "named_barriers", {1}, {64}, params(in.at, out.at, 20));
  for (size_t i = 0; i < v.size(); ++i) CHECK_EQ(out[i], v[i] * 2 + 1, "at ", i);
}

TEST(nvcc_votes) {
  auto v = random_ints(96, 1, 10);
  Array<int> in(v), out(96);
  run(*kernels("basic"), "votes", {1}, {96}, params(in.at, out.at));
  int count = 0, any = 0;
  for (int x : v) count += x > 3, any |= x > 8;
  for (size_t i = 0; i < v.size(); ++i) CHECK_EQ(out[i], count * 100 + 10 + any, "at ", i);
}

TEST(nvcc_spaces) {
  struct Big {
    int v[20];
  } big;
  std::iota(big.v, big.v + 20, 100);
  const int table[8] = {3, 1, 4, 1, 5, 9, 2, 6};
  Array<int> out(64);
  run(*kernels("basic"), "spaces", {1}, {64}, params(big, out.at, 3));
  for (int i = 0; i < 64; ++i) {
    int j = 63 - i, want = i & 1 ? table[j % 8] + big.v[(j + 3) % 20] : big.v[i % 20];
    CHECK_EQ(out[size_t(i)], want, "at ", i);
  }
}

TEST(nvcc_vectors) {
  auto a = random_floats(4 * 48);
  auto b = random_ints(2 * 48, -100, 100);
  Array<float> in(a), out(4 * 48);
  Array<int> ints(b);
  Array<short> diff(48);
  run(*kernels("basic"), "vectors", {1}, {48}, params(in.at, ints.at, out.at, diff.at));
  for (size_t i = 0; i < 48; ++i) {
    float want[4] = {a[4 * i + 3], a[4 * i + 2] * float(b[2 * i]), a[4 * i + 1] + float(b[2 * i + 1]),
                     a[4 * i]};
    for (size_t k = 0; k < 4; ++k) CHECK_EQ(out[4 * i + k], want[k], "at ", i, " ", k);
    CHECK_EQ(diff[i], short(b[2 * i] - b[2 * i + 1]), "at ", i);
  }
}

TEST(nvcc_rmsnorm) {
  const int d = 1000, rows = 3;
  auto x = random_floats(d * rows), w = random_floats(d, 3);
  Array<float> in(x), weight(w), out(d * rows), out4(d * rows);
  run(*kernels("norm"), "rmsnorm", {rows}, {256}, params(in.at, weight.at, out.at, d, 1e-6f));
  run(*kernels("norm"), "rmsnorm_v4", {rows}, {256}, params(in.at, weight.at, out4.at, d / 4, 1e-6f));
  for (size_t r = 0; r < rows; ++r) {
    double s = 0;
    for (size_t i = 0; i < d; ++i) s += double(x[r * d + i]) * x[r * d + i];
    double scale = 1 / std::sqrt(s / d + 1e-6);
    for (size_t i = 0; i < d; ++i) {
      double want = x[r * d + i] * scale * w[i];
      CHECK(std::abs(out[r * d + i] - want) <= 1e-5 * std::abs(want) + 1e-9, "row ", r, " element ", i);
      CHECK(std::abs(out4[r * d + i] - want) <= 1e-5 * std::abs(want) + 1e-9, "row ", r, " element ", i,
            " v4");
    }
  }
}
