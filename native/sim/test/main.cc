#include <cstdio>
#include <cstring>

#include "isa_row.h"
#include "test.h"

int main(int argc, char** argv) {
  auto& tests = sim::testing::tests();
  for (const auto& c : sim::isa_test::cases()) tests["isa_" + std::string(c.name)] = c.run;
  if (argc > 1 && !std::strcmp(argv[1], "--list")) {
    for (const auto& [name, f] : tests) std::puts(name.c_str());
    return 0;
  }
  int ran = 0, failed = 0;
  for (const auto& [name, f] : tests) {
    bool wanted = argc == 1;
    for (int k = 1; k < argc; ++k) wanted |= name == argv[k];
    if (!wanted) continue;
    ++ran;
    std::string verdict = "ok";
    try {
      f();
    } catch (const std::exception& e) {
      verdict = e.what(), ++failed;
    }
    std::printf("%s: %s\n", name.c_str(), verdict.c_str());
    std::fflush(stdout);
  }
  if (!ran) std::printf("no test of this name; sim_test --list prints them\n");
  return failed || !ran;
}
