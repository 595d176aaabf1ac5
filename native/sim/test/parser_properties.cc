// Properties of the parser. What it reads, printed and read again, says the same, whatever the layout of the text:
// over generated modules that use the whole of its grammar. And text that is not PTX, made from PTX that nvcc wrote, is
// refused with a sentence that names its line, at once.
#include <algorithm>
#include <chrono>
#include <random>

#include "forms.h"
#include "gpu.h"

using namespace sim;
using namespace sim::testing;

namespace {

using Random = std::mt19937;
unsigned below(Random& r, unsigned n) { return unsigned(r() % n); }
template <class T>
const T& one_of(Random& r, const std::vector<T>& v) {
  return v[r() % v.size()];
}

// ---- a module of random declarations and instructions, as tokens
struct Generator {
  Random rng;
  std::vector<std::string> tokens;
  unsigned labels = 0;
  explicit Generator(unsigned seed) : rng(seed) {}
  void put(std::initializer_list<std::string> t) { tokens.insert(tokens.end(), t); }

  std::string number() {
    char s[40];
    const unsigned v = unsigned(rng()) >> below(rng, 32);
    switch (below(rng, 6)) {
      case 0: std::snprintf(s, sizeof s, "0x%x", v); break;
      case 1: std::snprintf(s, sizeof s, "0%o", v); break;
      case 2: std::snprintf(s, sizeof s, "-%u", v); break;
      case 3: std::snprintf(s, sizeof s, "%uU", v); break;
      case 4: std::snprintf(s, sizeof s, "0b%u%u1", v & 1, v >> 1 & 1); break;
      default: std::snprintf(s, sizeof s, "%u", v);
    }
    return s;
  }
  std::string real() {
    char s[40];
    const uint64_t v = (uint64_t(rng()) << 32 | rng()) & 0xffefffffffefffffull;  // no infinity, no NaN
    double d;
    switch (below(rng, 3)) {
      case 0: std::snprintf(s, sizeof s, "0f%08x", unsigned(v)); break;
      case 1: std::snprintf(s, sizeof s, "0d%016llx", static_cast<unsigned long long>(v)); break;
      default: std::memcpy(&d, &v, 8), std::snprintf(s, sizeof s, "%.6e", std::abs(d) < 1e300 ? d : 1.5);
    }
    return s;
  }
  void initialiser(unsigned n) {
    put({"=", "{"});
    for (unsigned k = 0; k < n; ++k) put({k ? "," : "", below(rng, 8) ? number() : "generic(there)+8"});
    put({"}"});
  }
  void variable(const char* space, const std::string& name) {
    put({space});
    if (below(rng, 2)) put({".align", one_of<std::string>(rng, {"8", "16"})});
    const unsigned n = 1 + below(rng, 4);
    put({".u64", name, "[", std::to_string(n), "]"});
    if (std::string(space) != ".shared" && below(rng, 2)) initialiser(n);
    put({";"});
  }
  void instruction(const std::vector<PtxForm>& forms) {
    switch (below(rng, 12)) {
      case 0: put({"@", below(rng, 2) ? "!" : "", "%p" + std::to_string(below(rng, 24)), "bra", "L0", ";"}); break;
      case 1: put({"N" + std::to_string(labels++) + ":"}); break;
      case 2: put({"mov.u32", "%r1", ",", number(), ";"}); break;
      case 3: put({below(rng, 2) ? "mov.f32" : "mov.f64", below(rng, 2) ? "%r2" : "%q2", ",", real(), ";"}); break;
      case 4:
        put({"ld.global.u32", "%r3", ",", "[", "%q1", (below(rng, 2) ? "+" : "+-") + std::to_string(below(rng, 4096)), "]", ";"});
        break;
      case 5: put({"mov.u64", "%q3", ",", "there", below(rng, 2) ? "+16" : "", ";"}); break;
      case 6: put({"{", ".reg", ".b32", "%z", "<", "3", ">", ";", "mov.b32", "%z1", ",", "%r1", ";", "}"}); break;
      case 7: put({".loc", "1", std::to_string(1 + below(rng, 99)), "0"}); break;
      default: {
        const std::string& text = one_of(rng, forms).instruction;
        if (text.find(" L") != std::string::npos) return;  // bra: case 0
        put({below(rng, 6) ? "" : "@%p1"});
        for (size_t at = 0; at < text.size();) {  // apart at blanks and punctuation, where PTX allows blanks
          const size_t end = std::min(text.find_first_of(" ,{}[]|", at), text.size());
          if (end > at) put({text.substr(at, end - at)});
          if (end < text.size() && text[end] != ' ') put({text.substr(end, 1)});
          at = end + 1;
        }
        put({";"});
      }
    }
  }
  void module(const std::vector<PtxForm>& forms) {
    put({".version 9.0\n", ".target sm_100a\n", ".address_size 64\n", ".file", "1", "\"some file.cu\"\n"});
    put({".global", ".b8", "there", "[", "64", "]", ";"});
    for (unsigned k = below(rng, 4); k--;) variable(one_of<const char*>(rng, {".global", ".const"}), "g" + std::to_string(k));
    put({".extern", ".shared", ".align", "16", ".b8", "pool", "[", "]", ";"});
    put({".func", "(", ".param", ".b32", "r", ")", "twice", "(", ".param", ".b32", "x", ")", "{", "ret", ";", "}"});
    for (unsigned f = 1 + below(rng, 2); f--;) {
      put({".visible", ".entry", "k" + std::to_string(f), "(", ".param", ".u64", "p0", ",", ".param", ".align", "8", ".b8",
           "p1", "[", "24", "]", ")"});
      if (below(rng, 2)) put({".maxntid", "128", ",", "1", ",", "1"});
      if (below(rng, 2)) put({".reqnctapercluster", "2", ",", "1", ",", "1"});
      put({"{"});
      for (const char* r : {".pred %p<24>;", ".b8 %b<24>;", ".b16 %h<40>;", ".b32 %r<1024>;", ".b64 %q<40>;", ".b128 %x<24>;"})
        put({".reg", r});
      variable(".shared", "s" + std::to_string(f));
      for (unsigned n = below(rng, 40); n--;) instruction(forms);
      put({"L0:", "call", "(", "_", ")", ",", "twice", ",", "(", "%r1", ")", ";"});
      // a call's arguments are .param variables: this one is read, not lowered
      put({"ret", ";", "}"});
    }
  }
  // The tokens with blanks, comments and line ends between them.
  std::string text(unsigned seed) {
    Random r(seed);
    std::string s;
    for (const std::string& t : tokens) {
      static const char* const between[] = {" ", "  ", "\n", "\t", " /* a comment; { */ ", " // to the end\n", "\n\n", " "};
      s += t;
      s += between[seed ? below(r, 8) : 0];
    }
    return s;
  }
};

// Registers are numbered in the order of their declarations, which printing sorts: their names count.
bool same(const ptx::Operand& a, const ptx::Operand& b) {
  if (a.kind != b.kind || a.negated != b.negated || a.name != b.name || a.offset != b.offset || a.selector != b.selector ||
      a.parts.size() != b.parts.size() || (a.kind != ptx::Operand::reg && a.value != b.value))
    return false;
  for (size_t k = 0; k < a.parts.size(); ++k)
    if (!same(a.parts[k], b.parts[k])) return false;
  return true;
}
// Empty when both say the same (lines apart).
std::string difference(const ptx::Module& a, const ptx::Module& b) {
  if (a.version != b.version || a.target != b.target || a.globals.size() != b.globals.size()) return "head";
  for (size_t k = 0; k < a.globals.size(); ++k) {
    const ptx::Variable &x = a.globals[k], &y = b.globals[k];
    if (x.name != y.name || x.bytes != y.bytes || x.align != y.align || x.init != y.init || x.space != y.space ||
        x.external != y.external || x.relocs.size() != y.relocs.size())
      return x.name;
    for (size_t r = 0; r < x.relocs.size(); ++r)
      if (x.relocs[r].at != y.relocs[r].at || x.relocs[r].symbol != y.relocs[r].symbol ||
          x.relocs[r].addend != y.relocs[r].addend || x.relocs[r].generic != y.relocs[r].generic)
        return x.name + "'s addresses";
  }
  if (a.functions.size() != b.functions.size()) return "functions";
  for (size_t k = 0; k < a.functions.size(); ++k) {
    const ptx::Function &f = a.functions[k], &g = b.functions[k];
    auto sorted = [](std::vector<ptx::Type> t) {
      std::sort(t.begin(), t.end());
      return t;
    };
    if (f.name != g.name || f.entry != g.entry || f.directives != g.directives) return f.name;
    if (sorted(f.registers) != sorted(g.registers)) return f.name + "'s registers";
    if (f.params.size() != g.params.size() || f.body.size() != g.body.size()) return f.name + "'s size";
    if (f.scopes.size() != g.scopes.size()) return f.name + "'s scopes";
    for (size_t s = 0; s < f.scopes.size(); ++s)
      if (f.scopes[s].labels != g.scopes[s].labels) return f.name + "'s labels";
    for (size_t i = 0; i < f.body.size(); ++i) {
      const ptx::Instruction &x = f.body[i], &y = g.body[i];
      bool equal = x.op.text == y.op.text && x.op.types == y.op.types && x.operands.size() == y.operands.size() &&
                   x.guard == y.guard && x.guard_negated == y.guard_negated && x.scope == y.scope;
      for (size_t o = 0; equal && o < x.operands.size(); ++o) equal = same(x.operands[o], y.operands[o]);
      if (!equal) return x.op.text + " at line " + std::to_string(x.line);
    }
  }
  return "";
}

// ---- mutations of text, a few at a time
std::string mutated(const std::string& base, const std::string& other, Random& r) {
  std::string t = base;
  for (unsigned k = 1 + below(r, 4); k--;) {
    if (t.size() < 4) break;
    const size_t at = r() % t.size(), n = 1 + r() % 12;
    auto word_end = [&](size_t from) { return std::min(t.find_first_of(" \t\n,;[]{}()", from), t.size()); };
    static const char* const extremes[] = {"0",    "-1",  "4294967296", "18446744073709551615", "99999999999999999999999",
                                           "0x",   "0f7", "1e999",      "%",                    ".",
                                           "\"",   "/*",  "//",         "{{{{{{{{",             "}}}}",
                                           "((((", ":",   ".reg .b32 %r<4000000000>;", ".align 3", "\0x"};
    switch (below(r, 9)) {
      case 0: t.erase(at, n); break;
      case 1: t.insert(at, t.substr(r() % t.size(), n)); break;
      case 2: t[at] = char(r() % 256); break;
      case 3: t.insert(at, extremes[r() % std::size(extremes)]); break;
      case 4: t.replace(at, word_end(at) - at, extremes[r() % std::size(extremes)]); break;
      case 5: {  // another word of the text in this one's place
        const size_t from = r() % t.size();
        const std::string w = t.substr(from, word_end(from) - from);
        t.replace(at, word_end(at) - at, w);
        break;
      }
      case 6: {  // a line twice, or gone
        const size_t end = std::min(t.find('\n', at), t.size() - 1);
        if (below(r, 2)) t.insert(end, t.substr(at, end - at));
        else t.erase(at, end - at);
        break;
      }
      case 7: t.insert(at, other.substr(r() % other.size(), 1 + r() % 400)); break;
      default: t.resize(std::max<size_t>(at, 1)); break;
    }
  }
  return t;
}
std::string compiled(const std::string& name) {
  std::ifstream in(std::string(KERNEL_DIR) + "/" + name + ".ptx");
  std::string s(std::istreambuf_iterator<char>(in), {});
  CHECK(!s.empty(), name, ".ptx was not built: nvcc was not found");
  return s;
}

}  // namespace

TEST(parser_generated_modules) {
  const auto forms = forms_in(std::string(FIXTURES) + "/isa/forms.txt");
  size_t instructions = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    Generator g(seed);
    g.module(forms);
    const ptx::Module a = ptx::parse(g.text(0));
    const std::string once = ptx::print(a);
    const ptx::Module b = ptx::parse(once);
    CHECK(difference(a, b).empty(), "seed ", seed, ": printed and read again, ", difference(a, b), " differs");
    CHECK(ptx::print(b) == once, "seed ", seed, ": printing twice gives the same text");
    const ptx::Module c = ptx::parse(g.text(seed + 1));
    CHECK(difference(a, c).empty(), "seed ", seed, ": with other blanks and comments, ", difference(a, c), " differs");
    for (const auto& f : a.functions) instructions += f.body.size();
  }
  CHECK(instructions > 5000, instructions);
}

// Bounded by rounds, and by time where the machine is slow.
TEST(parser_fuzz) {
  const std::string bases[] = {compiled("basic"), compiled("norm")};
  Random rng(2026);
  unsigned refused = 0, loaded = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 1500; ++round) {
    // a piece of the file: its head and the functions from one place on
    const std::string& base = bases[round % 2];
    const size_t head = base.find("\n.visible"), from = base.find("\n.visible", rng() % base.size());
    std::string piece = base.substr(0, head) + base.substr(from == std::string::npos ? head : from, 6000);
    const std::string t = mutated(piece, bases[1 - round % 2], rng);
    const auto begin = std::chrono::steady_clock::now();
    try {
      auto m = Module::load(t);
      for (const std::string& e : m->entries()) m->program(*m->entry(e));
      ++loaded;
    } catch (const ptx::ParseError& e) {
      CHECK(std::string(e.what()).find("PTX line ") == 0, e.what());
      ++refused;
    }
    const auto now = std::chrono::steady_clock::now();
    CHECK(now - begin < std::chrono::seconds(10), "round ", round, " took too long");
    if (now - start > std::chrono::seconds(20)) break;
  }
  CHECK(refused > 50 && loaded > 5, refused, " refused, ", loaded, " loaded");
}
