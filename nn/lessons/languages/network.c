/* The book's network in C, to be read beside nn/lessons/book_loop.py.

   gcc -std=c99 -O2 -o network network.c -lm
   ./network HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv TEST.csv FIRST_WEIGHTS LAST_WEIGHTS

   FIRST_WEIGHTS is a file that `pi-nn weights` wrote; the learned weights are written to
   LAST_WEIGHTS in the same form. On standard output: the accuracy from 0 to 1, and the seconds. */

#define _POSIX_C_SOURCE 200112L /* for isatty and getpid */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- The network ---- */

struct network {
    int inputs, hidden_nodes, outputs;
    double *wih, *who;                           /* weights, row by row: a row for each node */
    double *hidden, *final;                      /* signals */
    double *output_errors, *hidden_errors;
    double learning_rate;
};

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

/* to = sigmoid(weights . from) */
static void forward(const double *weights, const double *from, int n, double *to, int m)
{
    for (int j = 0; j < m; j++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++)
            sum += weights[j * n + i] * from[i];
        to[j] = sigmoid(sum);
    }
}

/* to = transposed weights . errors */
static void send_back(const double *weights, const double *errors, int m, double *to, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = 0.0;
    for (int j = 0; j < m; j++)
        for (int i = 0; i < n; i++)
            to[i] += weights[j * n + i] * errors[j];
}

/* weights += learning rate * (errors * outputs * (1 - outputs)) . transposed inputs */
static void update(double *weights, const double *errors, const double *outputs, int m,
                   const double *inputs, int n, double learning_rate)
{
    for (int j = 0; j < m; j++) {
        double delta = learning_rate * errors[j] * outputs[j] * (1.0 - outputs[j]);
        for (int i = 0; i < n; i++)
            weights[j * n + i] += delta * inputs[i];
    }
}

static void query(struct network *net, const double *inputs)
{
    forward(net->wih, inputs, net->inputs, net->hidden, net->hidden_nodes);
    forward(net->who, net->hidden, net->hidden_nodes, net->final, net->outputs);
}

static void learn(struct network *net, const double *inputs, const double *targets)
{
    query(net, inputs);
    for (int k = 0; k < net->outputs; k++)
        net->output_errors[k] = targets[k] - net->final[k];
    send_back(net->who, net->output_errors, net->outputs,
              net->hidden_errors, net->hidden_nodes);
    update(net->who, net->output_errors, net->final, net->outputs,
           net->hidden, net->hidden_nodes, net->learning_rate);
    update(net->wih, net->hidden_errors, net->hidden, net->hidden_nodes,
           inputs, net->inputs, net->learning_rate);
}

/* ---- Errors ---- */

static char *unfinished = NULL;                  /* the file to remove if the program fails */
static bool progress_shown = false;

static void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (progress_shown)
        fputc('\n', stderr);
    fputs("error: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    if (unfinished)
        remove(unfinished);
    exit(1);
}

static void stop(int signal)
{
    if (unfinished)
        unlink(unfinished);
    _exit(128 + signal);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        fail("not enough memory: use fewer hidden nodes");
    return memory;
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (!file)
        fail("%s: %s", path, strerror(errno));
    return file;
}

/* ---- Digits ---- */

enum { LONGEST_LINE = 65536, LONGEST_SHOWN = 20, NO_MORE = -1 };

struct digits {
    const char *path;
    FILE *file;
    long line, first_blank, rows;
    char text[LONGEST_LINE];
    size_t length;
};

static void bad_line(const struct digits *digits, const char *complaint)
{
    fail("%s:%ld: %s", digits->path, digits->line, complaint);
}

/* Read a line without its end into digits->text; return false at the end of the file. */
static bool read_line(struct digits *digits)
{
    int character;
    digits->line++;
    digits->length = 0;
    while ((character = getc(digits->file)) != EOF && character != '\n') {
        if (digits->length == LONGEST_LINE)
            bad_line(digits, "is too long: expected a label and pixels, separated by commas");
        digits->text[digits->length++] = (char)character;
    }
    if (ferror(digits->file))
        fail("%s: %s", digits->path, strerror(errno));
    bool found = character == '\n' || digits->length > 0;
    if (digits->length && digits->text[digits->length - 1] == '\r')
        digits->length--;
    return found;
}

static bool starts_with(const struct digits *digits, const char *bytes, size_t count)
{
    return digits->length >= count && memcmp(digits->text, bytes, count) == 0;
}

static bool is_header(const struct digits *digits)
{
    const char *text = digits->text, *end = text + digits->length;
    const char *name = "label";
    while (text < end && (*text == ' ' || *text == '"'))
        text++;
    for (; *name && text < end; text++, name++)
        if ((*text | 0x20) != *name)
            return false;
    while (text < end && (*text == ' ' || *text == '"'))
        text++;
    return !*name && (text == end || *text == ',');
}

static void check_fields(const struct digits *digits, int n)
{
    int fields = 1;
    for (size_t i = 0; i < digits->length; i++)
        fields += digits->text[i] == ',';
    if (fields != n + 1)
        fail("%s:%ld: has %d values: expected %d, a label and %d pixels", digits->path,
             digits->line, fields, n + 1, n);
}

static void refuse_field(const struct digits *digits, int column, int highest, const char *field,
                         size_t length)
{
    char shown[LONGEST_SHOWN + 1] = {0};
    for (size_t i = 0; i < length && i < LONGEST_SHOWN; i++)
        shown[i] = field[i] >= ' ' && field[i] <= '~' ? field[i] : '?';
    fail("%s:%ld: column %d: expected a %s from 0 to %d, got '%s'", digits->path, digits->line,
         column, column == 1 ? "label" : "pixel value", highest, shown);
}

/* Turn the line into a label and scaled inputs. */
static int parse(const struct digits *digits, double *inputs, int n, int outputs)
{
    const char *field = digits->text, *end = digits->text + digits->length;
    int label = 0;
    check_fields(digits, n);
    for (int column = 1; column <= n + 1; column++) {
        int highest = column == 1 ? outputs - 1 : 255, value = 0;
        const char *comma = field;
        for (; comma < end && *comma >= '0' && *comma <= '9' && comma - field < 3; comma++)
            value = 10 * value + (*comma - '0');
        if (comma == field || value > highest || (comma < end && *comma != ',')) {
            const char *stop = memchr(field, ',', (size_t)(end - field));
            refuse_field(digits, column, highest, field, (size_t)((stop ? stop : end) - field));
        }
        if (column == 1)
            label = value;
        else
            inputs[column - 2] = value / 255.0 * 0.99 + 0.01;
        field = comma + 1;
    }
    return label;
}

static void open_digits(struct digits *digits, const char *path)
{
    digits->path = path;
    digits->file = open_file(path, "rb");
    digits->line = digits->first_blank = digits->rows = 0;
}

/* Read the next digit: return its label, or NO_MORE. Blank lines may only be the last ones. */
static int next_digit(struct digits *digits, double *inputs, int n, int outputs)
{
    while (read_line(digits)) {
        if (digits->line == 1) {
            if (starts_with(digits, "\x1f\x8b", 2))
                fail("%s is a gzip file: unpack it with gunzip", digits->path);
            if (starts_with(digits, "\xef\xbb\xbf", 3))     /* UTF-8's mark */
                memmove(digits->text, digits->text + 3, digits->length -= 3);
            if (is_header(digits)) {
                check_fields(digits, n);
                continue;
            }
        }
        if (digits->length == 0) {
            if (!digits->first_blank)
                digits->first_blank = digits->line;
            continue;
        }
        if (digits->first_blank) {
            digits->line = digits->first_blank;
            bad_line(digits, "is blank, with more rows after it: remove it");
        }
        digits->rows++;
        return parse(digits, inputs, n, outputs);
    }
    fclose(digits->file);
    if (!digits->rows)
        fail("%s has no rows: expected lines of a label and %d pixel values", digits->path, n);
    return NO_MORE;
}

/* ---- Training and testing ---- */

static void show_progress(int epoch, int epochs, long rows)
{
    if (rows % 500 || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\repoch %d of %d: %ld digits ", epoch, epochs, rows);
    progress_shown = true;
}

static void train(struct network *net, const char *path, int epochs)
{
    double *inputs = allocate((size_t)net->inputs, sizeof *inputs);
    double *targets = allocate((size_t)net->outputs, sizeof *targets);
    struct digits *digits = allocate(1, sizeof *digits);
    for (int epoch = 1; epoch <= epochs; epoch++) {
        int label;
        open_digits(digits, path);
        while ((label = next_digit(digits, inputs, net->inputs, net->outputs)) != NO_MORE) {
            for (int k = 0; k < net->outputs; k++)
                targets[k] = k == label ? 0.99 : 0.01;
            learn(net, inputs, targets);
            show_progress(epoch, epochs, digits->rows);
        }
    }
    free(inputs);
    free(targets);
    free(digits);
}

static double accuracy_on(struct network *net, const char *path)
{
    double *inputs = allocate((size_t)net->inputs, sizeof *inputs);
    struct digits *digits = allocate(1, sizeof *digits);
    long right = 0, rows;
    int label;
    open_digits(digits, path);
    while ((label = next_digit(digits, inputs, net->inputs, net->outputs)) != NO_MORE) {
        int answer = 0;
        query(net, inputs);
        for (int k = 1; k < net->outputs; k++)
            if (net->final[k] > net->final[answer])
                answer = k;
        right += answer == label;
    }
    rows = digits->rows;
    free(inputs);
    free(digits);
    return (double)right / (double)rows;
}

/* ---- Weights: a line of three sizes, then a line for each hidden node, and each output node ---- */

static void read_numbers(FILE *file, const char *path, double *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fscanf(file, "%lf", &numbers[i]) != 1 || !isfinite(numbers[i]))
            fail("%s: expected %zu more finite weights: write it again with pi-nn weights",
                 path, count - i);
    }
}

static struct network read_weights(const char *path, int hidden_nodes)
{
    struct network net = {0};
    char rest;
    FILE *file = open_file(path, "r");
    if (fscanf(file, "%d %d %d", &net.inputs, &net.hidden_nodes, &net.outputs) != 3
        || net.inputs < 1 || net.hidden_nodes < 1 || net.outputs < 1
        || net.inputs > LONGEST_LINE || net.outputs > LONGEST_LINE)
        fail("%s: expected three sizes on its first line: write it with pi-nn weights",
             path);
    if (net.hidden_nodes != hidden_nodes)
        fail("%s: expected weights of %d hidden nodes, got %d: write them with pi-nn "
             "weights --hidden-nodes %d", path, hidden_nodes, net.hidden_nodes, hidden_nodes);
    size_t inputs = (size_t)net.inputs, hidden = (size_t)hidden_nodes;
    size_t outputs = (size_t)net.outputs;
    net.wih = allocate(hidden * inputs, sizeof(double));
    net.who = allocate(outputs * hidden, sizeof(double));
    net.hidden = allocate(hidden, sizeof(double));
    net.final = allocate(outputs, sizeof(double));
    net.output_errors = allocate(outputs, sizeof(double));
    net.hidden_errors = allocate(hidden, sizeof(double));
    read_numbers(file, path, net.wih, hidden * inputs);
    read_numbers(file, path, net.who, outputs * hidden);
    if (fscanf(file, " %c", &rest) == 1)
        fail("%s: has more weights than the sizes on its first line say", path);
    fclose(file);
    return net;
}

/* Open another name, which takes the name `path` when it is complete. */
static FILE *open_target(const char *path)
{
    int sizes[3];
    char end = '\n';
    FILE *old = fopen(path, "r");
    if (old) {
        if (fscanf(old, "%d %d %d%c", &sizes[0], &sizes[1], &sizes[2], &end) < 3 || end != '\n')
            fail("%s exists and is not a file of weights: choose another name", path);
        fclose(old);
    }
    size_t size = strlen(path) + 32;
    char *part = allocate(size, 1);
    snprintf(part, size, "%s.%ld.part", path, (long)getpid()); /* another run has another name */
    FILE *file = open_file(part, "w");
    unfinished = part;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    return file;
}

static void write_matrix(FILE *file, const double *weights, int m, int n)
{
    for (int j = 0; j < m; j++)
        for (int i = 0; i < n; i++) {
            if (!isfinite(weights[j * n + i]))
                fail("the training diverged: lower LEARNING_RATE");
            fprintf(file, "%.17g%c", weights[j * n + i], i == n - 1 ? '\n' : ' ');
        }
}

static void write_weights(const struct network *net, FILE *file, const char *path)
{
    fprintf(file, "%d %d %d\n", net->inputs, net->hidden_nodes, net->outputs);
    write_matrix(file, net->wih, net->hidden_nodes, net->inputs);
    write_matrix(file, net->who, net->outputs, net->hidden_nodes);
    bool failed = ferror(file);
    if (fclose(file) || failed || rename(unfinished, path))
        fail("%s: %s", path, strerror(errno));
    unfinished = NULL;
}

/* ---- The command line ---- */

static const char usage[] =
    "usage: network HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv TEST.csv FIRST_WEIGHTS "
    "LAST_WEIGHTS";

static double number(const char *name, const char *text, bool whole)
{
    char *end;
    double value = strtod(text, &end);
    bool fits = value > 0 && isfinite(value);
    if (whole)
        fits = value >= 1 && value < 1e6 && value == floor(value);
    if (end == text || *end || !fits)
        fail("%s: expected a %s, got '%s'", name,
             whole ? "whole number from 1 to 999999" : "number above 0", text);
    return value;
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "--help") == 0) {
        puts(usage);
        return 0;
    }
    if (count != 8)
        fail("expected 7 arguments, got %d; %s", count - 1, usage);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int hidden_nodes = (int)number("HIDDEN_NODES", words[1], true);
    double learning_rate = number("LEARNING_RATE", words[2], false);
    int epochs = (int)number("EPOCHS", words[3], true);
    struct network net = read_weights(words[6], hidden_nodes);
    net.learning_rate = learning_rate;

    fclose(open_file(words[5], "rb"));           /* now, not after hours of training */
    FILE *file = open_target(words[7]);
    train(&net, words[4], epochs);
    double accuracy = accuracy_on(&net, words[5]);
    write_weights(&net, file, words[7]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (progress_shown)
        fputc('\n', stderr);
    printf("accuracy %.4f\n", accuracy);
    printf("seconds %.2f\n", (double)(end.tv_sec - start.tv_sec)
                                 + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
    if (fflush(stdout))
        fail("standard output: %s", strerror(errno));
    return 0;
}
