#include "translate/message_writer.h"

#include <google/protobuf/struct.pb.h>

namespace fairway::translate {

// The byte kept for the length is one of several: the message behind it makes room.
void MessageWriter::setLongLength(std::size_t at, std::uint64_t length) {
  out_.insert(at + 1, varintSize(length) - 1, '\0');
  varint(out_.data() + at, length);
}

namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

std::size_t textSize(std::string_view text) {
  return MessageWriter::sizeOf(Value::kStringValueFieldNumber, text.size());
}

}  // namespace

void addText(MessageWriter& out, std::string_view name, std::string_view value) {
  out.beginEntry(Struct::kFieldsFieldNumber, name, textSize(value), {Value::kStringValueFieldNumber, value.size()});
  out.append(value);
}

std::size_t sizeOfText(std::string_view name, std::string_view value) {
  return MessageWriter::sizeOfEntry(Struct::kFieldsFieldNumber, name, textSize(value));
}

}  // namespace fairway::translate
