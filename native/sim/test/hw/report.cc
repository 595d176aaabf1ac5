#include "report.h"

#include <fstream>
#include <set>
#include <stdexcept>

namespace hw {
namespace {
std::string quoted(const std::string& s) {
  std::string q = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') q += '\\';
    if (c == '\n')
      q += "\\n";
    else
      q += c;
  }
  return q + "\"";
}
}  // namespace

void write_report(const std::string& path, const Chapter& c, const Vectors& v, const std::string& who) {
  std::set<std::string> forms;
  size_t lanes = 0;
  for (const Case& k : c.cases) {
    const auto it = v.find(k.name);
    if (it == v.end() || !it->second.failure.empty()) continue;
    forms.insert(k.form), forms.insert(k.also.begin(), k.also.end());
    lanes += (k.out_bytes + k.out_stride - 1) / k.out_stride;
  }
  std::ofstream out(path);
  out << "{\n  \"chapter\": " << quoted(c.name) << ",\n  \"device\": " << quoted(who.substr(0, who.find('\n')))
      << ",\n  \"cuda_driver\": " << quoted(who.substr(who.find('\n') + 1))
      << ",\n  \"command\": \"hw_vectors record fixtures/hw/h200 " << c.name << "\",\n  \"cases\": " << v.size()
      << ",\n  \"vectors\": " << lanes << ",\n  \"forms\": [";
  const char* comma = "";
  for (const std::string& f : forms) out << comma << "\n    " << quoted(f), comma = ",";
  out << "\n  ],\n  \"refused\": {";
  comma = "";
  for (const auto& [name, one] : v)
    if (!one.failure.empty()) out << comma << "\n    " << quoted(name) << ": " << quoted(one.failure), comma = ",";
  out << "\n  },\n  \"bounds\": {";
  comma = "";
  for (const Case& k : c.cases)
    if (!k.bound.type.empty())
      out << comma << "\n    " << quoted(k.name) << ": {\"type\": " << quoted(k.bound.type) << ", \"ulp\": " << k.bound.ulp
          << ", \"relative\": " << k.bound.relative << ", \"reason\": " << quoted(k.bound.reason) << "}", comma = ",";
  out << "\n  }\n}\n";
  if (!out) throw std::runtime_error("expected to write " + path + ", could not");
}

}  // namespace hw
