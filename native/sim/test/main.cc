// sim_test            runs every test
// sim_test NAME ...   these
// sim_test --list     their names
// sim_test --forms    runs every test and prints, as JSON, which PTX forms passed by what they were held against:
//                     what fixtures/isa/checked.json keeps
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "isa_row.h"
#include "native/sim/sim.h"
#include "test.h"

namespace {

using Names = std::set<std::string>;

// What a test's expectations come from: NVIDIA's headers, or the ISA's text.
const char* source_of(const std::string& test) {
  return test.rfind("isa_nvidia_", 0) == 0 ? "NVIDIA headers" : "document";
}
// The parser's tests lower programs that never run.
bool executes(const std::string& test) { return test.rfind("parser_", 0) != 0; }

void print(const std::map<std::string, Names>& checked) {
  std::printf("{");
  const char* between = "";
  for (const auto& [source, forms] : checked) {
    std::printf("%s\n  \"%s\": [", between, source.c_str());
    const char* comma = "";
    for (const std::string& f : forms) std::printf("%s\n    \"%s\"", comma, f.c_str()), comma = ",";
    std::printf("\n  ]");
    between = ",";
  }
  std::printf("\n}\n");
}
// The list claims no form that no test has run. Empty: as it should be.
std::string stale(const std::map<std::string, Names>& checked) {
  std::ifstream in(std::string(FIXTURES) + "/isa/checked.json");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::string source;
  for (size_t at = text.find('"'); at != std::string::npos; at = text.find('"', at)) {
    const size_t end = text.find('"', at + 1);
    const std::string word = text.substr(at + 1, end - at - 1);
    at = end + 1;
    if (text[at] == ':')
      source = word;
    else if (!checked.count(source) || !checked.at(source).count(word))
      return "expected a test that runs " + word + " (" + source +
             "), found none: make fixtures/isa/checked.json again with sim_test --forms";
  }
  return source.empty() ? "expected forms in fixtures/isa/checked.json" : "";
}

}  // namespace

int main(int argc, char** argv) {
  auto& tests = sim::testing::tests();
  for (const auto& c : sim::isa_test::cases()) tests["isa_" + std::string(c.name)] = c.run;
  const char* const last = "zz_checked_forms";  // after all others
  if (argc > 1 && !std::strcmp(argv[1], "--list")) {
    for (const auto& [name, f] : tests) std::puts(name.c_str());
    std::puts(last);
    return 0;
  }
  const bool forms = argc > 1 && !std::strcmp(argv[1], "--forms"), all = argc == 1 || forms;
  sim::Module::on_program = [](const sim::Program& p) {
    for (const sim::Instr& i : p.code)
      if (i.info->text) sim::testing::forms_seen().insert(i.info->text->op.text);
  };
  std::map<std::string, Names> checked;
  int ran = 0, failed = 0;
  auto say = [&](const std::string& name, const std::string& verdict) {
    std::fprintf(forms ? stderr : stdout, "%s: %s\n", name.c_str(), verdict.c_str());
    std::fflush(stdout);
  };
  for (const auto& [name, f] : tests) {
    bool wanted = all;
    for (int k = 1; k < argc; ++k) wanted |= name == argv[k];
    if (!wanted) continue;
    ++ran;
    std::string verdict = "ok";
    sim::testing::forms_seen().clear();
    try {
      f();
      if (executes(name)) checked[source_of(name)].merge(sim::testing::forms_seen());
    } catch (const std::exception& e) {
      verdict = e.what(), ++failed;
    }
    say(name, verdict);
  }
  if (forms) {
    print(checked);
  } else if (all) {
    const std::string why = stale(checked);
    say(last, why.empty() ? "ok" : why), failed += !why.empty();
  }
  if (!ran) std::printf("no test of this name; sim_test --list prints them\n");
  return failed || !ran;
}
