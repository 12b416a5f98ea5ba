#include "agent/samples.h"

#include "base/strings.h"

namespace fairway::agent {
namespace {

constexpr std::size_t kMaxValue = 512;

bool isNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool isNamePart(char c) { return isNameStart(c) || (c >= '0' && c <= '9'); }

std::size_t nameLength(std::string_view text) {
  if (text.empty() || !isNameStart(text.front())) return 0;
  std::size_t length = 1;
  while (length < text.size() && isNamePart(text[length])) ++length;
  return length;
}

// Where the closing brace is: braces inside quotes are none.
std::size_t closingBrace(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '}' && !quoted) {
      return i;
    }
  }
  return std::string_view::npos;
}

// The length of the UTF-8 sequence at the front (RFC 3629); 0 if there is none.
std::size_t sequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const auto second = byte(1);
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : length;
}

}  // namespace

std::optional<Sample> parseSample(std::string_view line) {
  Sample sample;
  const auto length = nameLength(line);
  if (length == 0) return std::nullopt;
  sample.name = line.substr(0, length);
  line.remove_prefix(length);
  if (line.starts_with('{')) {
    line.remove_prefix(1);
    const auto end = closingBrace(line);
    if (end == std::string_view::npos) return std::nullopt;
    sample.labels = line.substr(0, end);
    line.remove_prefix(end + 1);
  }
  sample.value = trim(line);
  if (sample.value.empty()) return std::nullopt;
  return sample;
}

std::optional<Labels> parseLabels(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const auto length = nameLength(text);
    if (length == 0 || !text.substr(length).starts_with("=\"")) return std::nullopt;
    auto& [name, value] = labels.emplace_back(std::string(text.substr(0, length)), std::string());
    text.remove_prefix(length + 2);
    bool closed = false;
    while (!text.empty() && !closed) {
      const char c = text.front();
      text.remove_prefix(1);
      if (c == '"') {
        closed = true;
      } else if (c == '\\' && !text.empty()) {
        value += text.front() == 'n' ? '\n' : text.front();
        text.remove_prefix(1);
      } else {
        value += c;
      }
    }
    if (!closed) return std::nullopt;
    if (text.empty()) break;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
  return labels;
}

void appendLabel(std::string& text, std::string_view name, std::string_view value) {
  if (!text.empty()) text += ',';
  text.append(name).append("=\"");
  value = value.substr(0, kMaxValue);
  while (!value.empty()) {
    const auto length = sequenceLength(value);
    const char c = value.front();
    if (length == 0) {
      text += '?';
    } else if (c == '\n') {
      text += "\\n";
    } else {
      if (c == '"' || c == '\\') text += '\\';
      text.append(value.substr(0, length));
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  text += '"';
}

}  // namespace fairway::agent
