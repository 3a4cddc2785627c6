// Measures programs as a whole, from vfork(2) to their end. usage: spawner ROUNDS IDLE_MS PROGRAMS
//
// PROGRAMS is a file with a block for each program: the file for its stdin, then its arguments, each on a line of its own;
// an empty line ends the block. In each round every program runs once, so that all meet the same machine, and before each
// run the parent sleeps, as the time between two calls in life. The first round does not count. Prints a line for each
// program: the durations in nanoseconds. A heavy parent, such as Node, would take longer to fork than the programs run.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROGRAMS 32
#define MAX_ARGUMENTS 32
#define MAX_ROUNDS 10000

extern char **environ;

static struct {
  char *stdin_path;
  char *argv[MAX_ARGUMENTS + 1];
  long long *durations;
} programs[MAX_PROGRAMS];
static int program_count;

static void fail(const char *what) {
  fprintf(stderr, "spawner: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void read_programs(const char *path) {
  static char line[4096];
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path);
  int line_number = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (*line == '\0') {
      if (line_number > 1) program_count++;
      line_number = 0;
    } else if (program_count == MAX_PROGRAMS || line_number > MAX_ARGUMENTS) {
      errno = E2BIG;
      fail(path);
    } else {
      char *copy = strdup(line);
      if (line_number == 0) programs[program_count].stdin_path = copy;
      else programs[program_count].argv[line_number - 1] = copy;
      line_number++;
    }
  }
  fclose(file);
}

static long long now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long run(int program, int output) {
  char **argv = programs[program].argv;
  int input = open(programs[program].stdin_path, O_RDONLY | O_CLOEXEC);
  if (input < 0) fail(programs[program].stdin_path);
  long long started_ns = now_ns();
  pid_t pid = vfork();
  if (pid == 0) {
    dup2(input, 0);
    dup2(output, 1);
    execve(argv[0], argv, environ);
    _exit(127);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) fail(argv[0]);
  long long duration_ns = now_ns() - started_ns;
  close(input);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "spawner: %s ended with status %#x\n", argv[0], (unsigned)status);
    exit(1);
  }
  return duration_ns;
}

int main(int argc, char **argv) {
  int round_count = argc == 4 ? atoi(argv[1]) : 0;
  int idle_ms = argc == 4 ? atoi(argv[2]) : -1;
  if (round_count < 1 || round_count > MAX_ROUNDS || idle_ms < 0) {
    fputs("usage: spawner ROUNDS IDLE_MS PROGRAMS\n", stderr);
    return 2;
  }
  read_programs(argv[3]);
  int output = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (int program = 0; program < program_count; program++) {
    programs[program].durations = calloc((size_t)round_count, sizeof(long long));
    if (programs[program].durations == NULL) fail("calloc");
  }
  struct timespec idle = {idle_ms / 1000, idle_ms % 1000 * 1000000L};
  for (int round = -1; round < round_count; round++) {
    for (int program = 0; program < program_count; program++) {
      nanosleep(&idle, NULL);
      long long duration_ns = run(program, output);
      if (round >= 0) programs[program].durations[round] = duration_ns;
    }
  }
  for (int program = 0; program < program_count; program++) {
    for (int round = 0; round < round_count; round++)
      printf(round == 0 ? "%lld" : " %lld", programs[program].durations[round]);
    putchar('\n');
  }
  return 0;
}
