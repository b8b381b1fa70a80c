/* The practical limit of `make bench-peers`: the book's network written by hand in C.
 *
 *     limit dense|sparse TRAIN.csv TEST.csv HIDDEN EPOCHS SEED
 *
 * 784 inputs, HIDDEN and 10 sigmoid nodes without biases, float32, one update per digit; it prints
 * the accuracy on the test digits as JSON. "dense" multiplies by every pixel. "sparse" skips blank
 * pixels, four out of five, and is still exact: see `struct network`.
 */
#define _DEFAULT_SOURCE /* M_PI, which C11 alone does not have */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Nodes are padded to a multiple of LANES: as many float32 as the widest register holds. */
#ifdef __x86_64__
enum { LANES = 16 };
#else
enum { LANES = 1 };
#endif
enum {
    PIXELS = 784,
    DIGITS = 10,
    AT_ONCE = 4, /* pixels in one pass over the hidden nodes: fewer loads and stores of these */
    BLANKS = 8,  /* "0," in a row that the parser skips at once */
    BLOCK = 256 * 1024,
    LONGEST_LINE = 2 + PIXELS * 4 + 2, /* "9", PIXELS of ",255", and "\r\n" */
};
static const float LEARNING_RATE = 0.1f, SCALE = 0.99f / 255, OFFSET = 0.01f;

static _Noreturn void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("limit: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

static void *allocate(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) fail("expected %zu MB of memory, got none", bytes / 1000000);
    return memory;
}

/* ---- Digits: read once, and kept as the values and places of the pixels that count. ---- */

struct digits {
    bool sparse; /* without blank pixels; else each row has all, and the first one's places */
    size_t rows, size;
    unsigned char *labels; /* (rows,) */
    size_t *starts;        /* (rows + 1,): where each row begins in the next two, and their size */
    unsigned char *pixels; /* (size,): 0 to 255 */
    uint16_t *places;      /* (size,): which of the 784 pixels */
};

static void keep(struct digits *digits, int place, int pixel) {
    if (digits->sparse || digits->rows == 0) digits->places[digits->size] = (uint16_t)place;
    digits->pixels[digits->size++] = (unsigned char)pixel;
}

/* Pad a row to a multiple of AT_ONCE with blank pixels after the picture's own. */
static void end_row(struct digits *digits) {
    for (int spare = PIXELS; digits->size % AT_ONCE; spare++) keep(digits, spare, 0);
    digits->starts[++digits->rows] = digits->size;
}

/* Read a number of at most three digits and move past it, or return -1. */
static int parse_number(const char **text) {
    const char *start = *text, *p = start;
    int number = 0;
    while (*p >= '0' && *p <= '9' && p < start + 3) number = number * 10 + *p++ - '0';
    *text = p;
    return p == start || (*p >= '0' && *p <= '9') ? -1 : number;
}

static _Noreturn void fail_at(const char *path, size_t line, const char *expected,
                              const char *field) {
    size_t length = strcspn(field, ",\r\n");
    fail("%s:%zu: expected %s, got '%.*s'", path, line, expected,
         (int)(length < 20 ? length : 20), field);
}

/* Add a line "label,p0,...,p783"; return where the next begins. */
static const char *parse_line(const char *text, struct digits *digits, const char *path) {
    size_t line = digits->rows + 1;
    const char *field = text;
    int label = parse_number(&text);
    if (label < 0 || text != field + 1) fail_at(path, line, "a label from 0 to 9", field);
    digits->labels[digits->rows] = (unsigned char)label;
    for (int place = 0; place < PIXELS; place++) {
        if (*text++ != ',') fail("%s:%zu: expected %d pixels, got %d", path, line, PIXELS, place);
        while (place < PIXELS - BLANKS && !memcmp(text, "0,0,0,0,0,0,0,0,", 2 * BLANKS)) {
            if (!digits->sparse)
                for (int i = 0; i < BLANKS; i++) keep(digits, place + i, 0);
            place += BLANKS;
            text += 2 * BLANKS;
        }
        field = text;
        int pixel = parse_number(&text);
        if (pixel < 0 || pixel > 255) fail_at(path, line, "a pixel from 0 to 255", field);
        if (pixel || !digits->sparse) keep(digits, place, pixel);
    }
    if (*text == '\r') text++;
    if (*text && *text != '\n') fail("%s:%zu: expected %d pixels, got more", path, line, PIXELS);
    end_row(digits);
    return text + (*text == '\n');
}

static size_t size_of(FILE *file, const char *path) {
    struct stat status;
    if (fstat(fileno(file), &status)) fail("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) fail("%s: expected a file, got something else", path);
    return (size_t)status.st_size;
}

/* Allocate room for the most that a file of this size can hold: a pixel takes at least two bytes.
 * Memory that is never written to costs nothing. */
static struct digits make_room(size_t bytes, bool sparse) {
    size_t rows = bytes / (2 * PIXELS) + 2, most = bytes / 2 + rows * AT_ONCE;
    struct digits digits = {
        .sparse = sparse,
        .labels = allocate(rows),
        .starts = allocate((rows + 1) * sizeof(size_t)),
        .pixels = allocate(most),
        .places = allocate(most * sizeof(uint16_t)),
    };
    digits.starts[0] = 0;
    return digits;
}

static struct digits read_csv(const char *path, bool sparse) {
    FILE *file = fopen(path, "rb");
    if (!file) fail("%s: %s", path, strerror(errno));
    struct digits digits = make_room(size_of(file, path), sparse);
    char *block = allocate(BLOCK + 2 * BLANKS); /* memcmp may look behind the text's end */
    size_t left = 0;
    do {
        left += fread(block + left, 1, BLOCK - left, file);
        if (ferror(file)) fail("%s: %s", path, strerror(errno));
        block[left] = 0;
        const char *text = block, *end = block + left;
        while (text < end && (feof(file) || end - text > LONGEST_LINE))
            text = parse_line(text, &digits, path);
        left = (size_t)(end - text);
        memmove(block, text, left);
    } while (!feof(file));
    if (!digits.rows) fail("%s: expected a label and %d pixels a line, got none", path, PIXELS);
    free(block);
    fclose(file);
    return digits;
}

static void release(struct digits *digits) {
    free(digits->labels);
    free(digits->starts);
    free(digits->pixels);
    free(digits->places);
}

/* ---- The network. ---- */

/* Inputs are 0.01 + s, where s is 0 on blank pixels. What a digit adds to a node's weights is
 * delta * s on each, and delta * 0.01 on all. The latter is kept as one number per node, so blank
 * pixels need no work: the weights are own[i][j] + shared[j], and sums[j] is the sum of node j's
 * weights over all 784 pixels. In the dense form s is the complete input, and shared stays 0. */
struct network {
    bool sparse;
    int hidden, blocks; /* blocks of LANES hold the hidden nodes; the weights beyond stay 0 */
    float *own;         /* (PIXELS + AT_ONCE, width): a row for each pixel, and for spare ones */
    float *shared;      /* (width,) */
    float *sums;        /* (width,) */
    float *outer;       /* (DIGITS, width): weights from hidden nodes to outputs */
};

/* One digit's way through the network. */
struct pass {
    size_t size;                /* pixels: a multiple of AT_ONCE */
    const uint16_t *places;     /* (size,) */
    float s[PIXELS + AT_ONCE];  /* (size,) */
    float s_sum;
    float *hidden, *delta;      /* (width,) */
    float outputs[DIGITS];
};

/* Computed, so that the compiler sees a multiple of LANES. */
static inline int width_of(const struct network *net) { return net->blocks * LANES; }

static float *zeros(size_t count) {
    return memset(allocate(count * sizeof(float)), 0, count * sizeof(float));
}

static float normal(float deviation) {
    double radius = sqrt(-2 * log((rand() + 1.0) / (RAND_MAX + 2.0)));
    return deviation * (float)(radius * cos(2 * M_PI * rand() / (RAND_MAX + 1.0)));
}

static struct network make_network(int hidden, bool sparse) {
    int blocks = (hidden + LANES - 1) / LANES;
    size_t width = (size_t)blocks * LANES;
    struct network net = {
        .sparse = sparse,
        .hidden = hidden,
        .blocks = blocks,
        .own = zeros((PIXELS + AT_ONCE) * width),
        .shared = zeros(width),
        .sums = zeros(width),
        .outer = zeros(DIGITS * width),
    };
    for (size_t i = 0; i < PIXELS; i++)
        for (int j = 0; j < hidden; j++)
            net.sums[j] += net.own[i * width + j] = normal(1 / sqrtf(PIXELS));
    for (size_t o = 0; o < DIGITS; o++)
        for (int j = 0; j < hidden; j++) net.outer[o * width + j] = normal(1 / sqrtf(hidden));
    return net;
}

/* 2^whole, made in the exponent's bits, times the Taylor series of 2^part, from -1/2 to 1/2. It is
 * as exact as float32 can be, and unlike expf(), the compiler can vectorise it. */
static inline float power_of_two(float y) {
    y = y > 126 ? 126 : y < -126 ? -126 : y;
    int whole = (int)(y + 127.5f) - 127;
    float x = (y - whole) * 0.69314718f; /* ln(2) */
    float series = 1 + x * (1 + x * (1 / 2.f + x * (1 / 6.f + x * (1 / 24.f
                 + x * (1 / 120.f + x * (1 / 720.f))))));
    union { int32_t bits; float value; } power = {.bits = (whole + 127) << 23};
    return power.value * series;
}

static inline float sigmoid(float x) {
    return 1 / (1 + power_of_two(x * -1.44269504f)); /* log2(e) */
}

static void set_inputs(struct pass *pass, const struct digits *digits, size_t row) {
    size_t start = digits->starts[row];
    const unsigned char *pixels = digits->pixels + start;
    pass->size = digits->starts[row + 1] - start;
    pass->places = digits->places + (digits->sparse ? start : 0);
    pass->s_sum = 0;
    float offset = digits->sparse ? 0 : OFFSET;
    for (size_t e = 0; e < pass->size; e++) {
        pass->s[e] = pixels[e] * SCALE + offset;
        pass->s_sum += pass->s[e];
    }
}

/* hidden += the weights of all pixels, times these. If `hidden` were a restrict parameter, gcc 12
 * would merge the outer loop into the inner one, which takes a third longer. */
static void gather(const struct network *net, struct pass *pass) {
    float *restrict hidden = pass->hidden;
    const float *own = net->own;
    int width = width_of(net);
    for (size_t e = 0; e < pass->size; e += AT_ONCE) {
        const uint16_t *at = pass->places + e;
        const float *s = pass->s + e, s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];
        const float *restrict w0 = own + at[0] * width, *restrict w1 = own + at[1] * width;
        const float *restrict w2 = own + at[2] * width, *restrict w3 = own + at[3] * width;
        for (int j = 0; j < width; j++)
            hidden[j] += s0 * w0[j] + s1 * w1[j] + s2 * w2[j] + s3 * w3[j];
    }
}

/* the weights of all pixels += these, times delta. */
static void scatter(struct network *net, const struct pass *pass, const float *restrict delta) {
    float *own = net->own;
    int width = width_of(net);
    for (size_t e = 0; e < pass->size; e += AT_ONCE) {
        const uint16_t *at = pass->places + e;
        const float *s = pass->s + e, s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];
        float *restrict w0 = own + at[0] * width, *restrict w1 = own + at[1] * width;
        float *restrict w2 = own + at[2] * width, *restrict w3 = own + at[3] * width;
        for (int j = 0; j < width; j++) {
            w0[j] += s0 * delta[j];
            w1[j] += s1 * delta[j];
            w2[j] += s2 * delta[j];
            w3[j] += s3 * delta[j];
        }
    }
}

static void forward(const struct network *net, struct pass *pass) {
    int width = width_of(net);
    float *restrict hidden = pass->hidden, offset = net->sparse ? OFFSET : 0;
    for (int j = 0; j < width; j++)
        hidden[j] = net->shared[j] * pass->s_sum + offset * net->sums[j];
    gather(net, pass);
    for (int j = 0; j < width; j++) hidden[j] = sigmoid(hidden[j]);
    for (int j = net->hidden; j < width; j++) hidden[j] = 0;
    for (int o = 0; o < DIGITS; o++) {
        const float *restrict weights = net->outer + o * width;
        float sum = 0;
        for (int j = 0; j < width; j++) sum += weights[j] * hidden[j];
        pass->outputs[o] = sum;
    }
    for (int o = 0; o < DIGITS; o++) pass->outputs[o] = sigmoid(pass->outputs[o]);
}

static void backward(struct network *net, struct pass *pass, int label) {
    int width = width_of(net);
    float *restrict hidden = pass->hidden, *restrict delta = pass->delta;
    for (int j = 0; j < width; j++) delta[j] = 0;
    for (int o = 0; o < DIGITS; o++) {
        float *restrict weights = net->outer + o * width, output = pass->outputs[o];
        float error = (o == label ? 0.99f : 0.01f) - output;
        float step = LEARNING_RATE * error * output * (1 - output);
        for (int j = 0; j < width; j++) {
            delta[j] += error * weights[j]; /* as in the book: by the error itself, no gradient */
            weights[j] += step * hidden[j];
        }
    }
    for (int j = 0; j < width; j++) delta[j] *= LEARNING_RATE * hidden[j] * (1 - hidden[j]);
    scatter(net, pass, delta);
    if (!net->sparse) return;
    for (int j = 0; j < width; j++) {
        net->shared[j] += OFFSET * delta[j];
        net->sums[j] += (pass->s_sum + PIXELS * OFFSET) * delta[j];
    }
}

static int answer(const struct pass *pass) {
    int best = 0;
    for (int o = 1; o < DIGITS; o++)
        if (pass->outputs[o] > pass->outputs[best]) best = o;
    return best;
}

/* ---- The command. ---- */

static int parse_argument(const char *name, const char *text, long least, long most) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most)
        fail("expected %s from %ld to %ld, got '%s'", name, least, most, text);
    return (int)value;
}

int main(int argc, char **argv) {
    if (argc != 7) fail("expected dense|sparse TRAIN.csv TEST.csv HIDDEN EPOCHS SEED");
    bool sparse = !strcmp(argv[1], "sparse");
    if (!sparse && strcmp(argv[1], "dense")) fail("expected dense or sparse, got '%s'", argv[1]);
    int hidden = parse_argument("HIDDEN", argv[4], 1, 100000);
    int epochs = parse_argument("EPOCHS", argv[5], 1, 100000);
    srand((unsigned)parse_argument("SEED", argv[6], 0, INT32_MAX));

    struct digits train = read_csv(argv[2], sparse);
    struct network net = make_network(hidden, sparse);
    struct pass pass = {.hidden = zeros(width_of(&net)), .delta = zeros(width_of(&net))};
    for (int epoch = 0; epoch < epochs; epoch++)
        for (size_t row = 0; row < train.rows; row++) {
            set_inputs(&pass, &train, row);
            forward(&net, &pass);
            backward(&net, &pass, train.labels[row]);
        }
    release(&train);

    struct digits test = read_csv(argv[3], sparse);
    size_t right = 0;
    for (size_t row = 0; row < test.rows; row++) {
        set_inputs(&pass, &test, row);
        forward(&net, &pass);
        right += answer(&pass) == test.labels[row];
    }
    printf("{\"accuracy\": %.4f}\n", (double)right / (double)test.rows);
    return EXIT_SUCCESS;
}
