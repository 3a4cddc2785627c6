/*
 * A fuzzer for the parsers of the native client: answers, KUBERNETES_EXEC_INFO, registries and command lines.
 * For libFuzzer, which calls LLVMFuzzerTestOneInput:
 *   clang -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -O1 -g -o fuzz test/native/fuzz/fuzz.c
 */
#define main iam_token_main
#include "../../../src/native/iam-token.c"
#undef main
#include <assert.h>
#include <stdlib.h>

enum { TOKEN_ANSWER, DEFAULT_STATUS, NAMED_STATUS, EXEC_INFO, REGISTRY, COMMAND_LINE, TARGET_COUNT };
enum { MAX_ARGUMENTS = 64 };

/* What is printed has no control character but the line ends, whatever the daemon sent. */
static void print_in_all_formats(const struct answer *answer, bool is_segment) {
  struct call call = {.registry = text_of((char *)"cr.yandex"), .api_version = "v1"};
  for (size_t i = 0; i < COUNT(commands); i += 1) {
    if ((&commands[i] == prompt_command) != is_segment) continue;
    for (size_t j = 0; j < COUNT(commands[i].formats) && commands[i].formats[j].pattern; j += 1) {
      struct output out = {output_bytes, output_bytes, output_bytes + sizeof output_bytes, false};
      call.pattern = commands[i].formats[j].pattern;
      if (!append_pattern(&out, &call, answer)) continue;
      if (*call.pattern == '\0') assert(out.at == out.start);
      else assert(out.at > out.start && out.at[-1] == '\n');
      for (const char *c = out.start; c < out.at; c += 1) assert((unsigned char)*c >= 0x20 || *c == '\n');
    }
  }
}

static void fuzz_answer(struct text json, int target) {
  struct answer answer = {0};
  struct text result;
  if (!read_response(json, 1, &result)) return;
  assert(result.start >= json.start && result.start + result.length <= json.start + json.length);
  if (target == TOKEN_ANSWER) {
    if (!read_token_result(result, &answer)) return;
    assert(is_iam_token(answer.token) && answer.expires_at_ms >= 0);
    print_in_all_formats(&answer, false);
  } else if (read_status_result(result, &answer, target == NAMED_STATUS) && answer.state.start) {
    print_in_all_formats(&answer, true);
  }
}

/* Arguments are separated by zeros. What is accepted must fit into the buffer of the request. */
static void fuzz_command_line(char *bytes, size_t length) {
  static char name[] = "iam-token";
  char *argv[MAX_ARGUMENTS + 1] = {name};
  int argc = 1;
  for (char *at = bytes; at < bytes + length && argc < MAX_ARGUMENTS; at += strlen(at) + 1) argv[argc++] = at;
  struct call call = {0};
  if (!parse_command_line(&call, argc, argv)) return;
  assert(call.timeout_ms > 0 && call.pattern && select_profile(&call));
  struct output out = {request_bytes, request_bytes, request_bytes + sizeof request_bytes, false};
  append_request(&out, 1, &call);
  assert(!out.has_overflowed && out.at[-1] == '\f');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  int target = data[0] % TARGET_COUNT;
  size_t length = size - 1;
  /* Of exactly this size, so that the sanitizer sees each byte that is read beyond it. */
  char *bytes = malloc(target == COMMAND_LINE ? length + 1 : length);
  if (!bytes) return 0;
  memcpy(bytes, data + 1, length);
  struct text text = {bytes, length, true};
  if (target == COMMAND_LINE) {
    bytes[length] = '\0';
    fuzz_command_line(bytes, length);
  } else if (target == EXEC_INFO) read_exec_info(text);
  else if (target == REGISTRY) is_vendor_registry(trim(bytes, length));
  else fuzz_answer(text, target);
  free(bytes);
  return 0;
}
