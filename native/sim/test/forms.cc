#include "forms.h"

#include <fstream>
#include <stdexcept>

namespace sim::testing {

std::vector<std::string> alternatives(const std::string& syntax) {
  const size_t open = syntax.find('<'), close = syntax.find('>', open);
  if (open == std::string::npos || close == std::string::npos) return {syntax};
  std::vector<std::string> out;
  for (size_t from = open + 1; from <= close;) {
    const size_t end = std::min(syntax.find('|', from), close);
    for (std::string& s :
         alternatives(syntax.substr(0, open) + syntax.substr(from, end - from) + syntax.substr(close + 1)))
      out.push_back(std::move(s));
    from = end + 1;
  }
  return out;
}

std::vector<PtxForm> forms_in(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": expected a list of forms, the file cannot be read");
  std::vector<PtxForm> out;
  PtxForm f;
  for (std::string line; std::getline(in, line);) {
    auto after = [&](const char* word) {
      const std::string w = word;
      return line.rfind(w, 0) == 0 ? line.substr(w.size()) : std::string();
    };
    if (std::string s = after("## "); !s.empty()) f.chapter = s;
    if (std::string s = after("target: "); !s.empty())
      f.target = s;
    else if (std::string v = after("ptx: "); !v.empty())
      f.version = v;
    else if (!line.empty() && line[0] != '#') {
      f.syntax = line;
      for (f.instruction = ""; std::string & s : alternatives(line)) f.instruction = s, out.push_back(f);
    }
  }
  return out;
}

State state_of(const PtxForm& form) {
  const std::string text = ".version " + form.version + "\n.target " + form.target +
                           "\n.address_size 64\n.visible .entry k()\n{\n.reg .pred %p<24>; .reg .b8 %b<24>; "
                           ".reg .b16 %h<40>; .reg .b32 %r<1024>; .reg .b64 %q<40>; .reg .b128 %x<24>;\n" +
                           form.instruction + ";\nL: ret;\n}\n";
  State s;
  try {
    const ptx::Module m = ptx::parse(text);
    const Choice c = Chooser().choose(m.functions.at(0), m.functions[0].body.at(0));
    s.row = c.row;
    if (const char* reason = reason_of(c.fn, c.aux)) s.reason = reason;
  } catch (const ptx::ParseError& e) {
    s.reason = e.what();
  }
  return s;
}

}  // namespace sim::testing
