# The book's network in R, to be read beside nn/lessons/book_loop.py.
#
#   Rscript network.R HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv TEST.csv \
#     FIRST_WEIGHTS LAST_WEIGHTS
#
# FIRST_WEIGHTS is a file that `pi-nn weights` wrote; the learned weights are written to
# LAST_WEIGHTS in the same form. On standard output: the accuracy from 0 to 1, and the seconds.

# ---- The network ----

sigmoid <- function(x) 1 / (1 + exp(-x))

# weights: a matrix with a row for each node; signals: columns
forward <- function(weights, signals) sigmoid(weights %*% signals)

send_back <- function(weights, errors) t(weights) %*% errors

update <- function(weights, errors, outputs, inputs, learning_rate) {
  deltas <- errors * outputs * (1 - outputs)
  weights + learning_rate * deltas %*% t(inputs)
}

# A class, as R makes one: a function whose functions share its variables.
neural_network <- function(wih, who, learning_rate) {
  query <- function(inputs) forward(who, forward(wih, inputs))

  train <- function(inputs, targets) {
    hidden <- forward(wih, inputs)
    final <- forward(who, hidden)
    output_errors <- targets - final
    hidden_errors <- send_back(who, output_errors)
    who <<- update(who, output_errors, final, hidden, learning_rate)
    wih <<- update(wih, hidden_errors, hidden, inputs, learning_rate)
  }

  weights <- function() list(wih = wih, who = who)

  list(query = query, train = train, weights = weights)
}

# ---- Digits ----

longest_line <- 65536
value_texts <- as.character(0:255) # match() finds a text's place faster than as.integer() reads it

# An error of this program: its message alone is shown.
fail <- function(...) stop(sprintf(...), call. = FALSE)

# A path that R takes for nothing else: not for a web page, nor for standard input.
local <- function(path) if (grepl("^[/~]", path)) path else file.path(".", path)

open_file <- function(path, mode) {
  if (dir.exists(path)) fail("%s: is a folder: expected a file", path)
  tryCatch(
    file(local(path), mode),
    error = function(e) fail("%s: cannot be opened", path),
    warning = function(w) fail("%s: %s", path, sub(".*: ", "", conditionMessage(w)))
  )
}

# Reads a file of digits a line at a time: calls `use` with each digit's label and scaled inputs,
# until it returns FALSE. Returns the number of digits.
each_digit <- function(path, n_inputs, n_outputs, use) {
  file <- open_file(path, "rb")
  on.exit(close(file))
  if (identical(readBin(local(path), "raw", 2), as.raw(c(0x1f, 0x8b)))) {
    fail("%s is a gzip file: unpack it with gunzip", path)
  }
  line <- rows <- first_blank <- 0
  while (length(text <- next_line(file, path, line + 1)) > 0) {
    line <- line + 1
    if (line == 1) {
      text <- sub("^\xef\xbb\xbf", "", text, useBytes = TRUE) # UTF-8's mark
      if (grepl("^[ \"]*label[ \"]*(,|$)", text, ignore.case = TRUE, useBytes = TRUE)) {
        cut(text, path, line, n_inputs)
        next
      }
    }
    if (text == "") {
      if (first_blank == 0) first_blank <- line
      next
    }
    if (first_blank > 0) {
      fail("%s:%d: is blank, with more rows after it: remove it", path, first_blank)
    }
    values <- parse(text, path, line, n_inputs, n_outputs)
    rows <- rows + 1
    if (isFALSE(use(values[1], values[-1] / 255 * 0.99 + 0.01))) break
  }
  if (rows == 0) {
    fail("%s has no rows: expected lines of a label and %d pixel values", path, n_inputs)
  }
  rows
}

# Returns the next line, or nothing at the end of the file.
next_line <- function(file, path, line) {
  found_nul <- FALSE
  text <- withCallingHandlers(
    readLines(file, n = 1),
    warning = function(w) {
      found_nul <<- found_nul || grepl("nul", conditionMessage(w)) # else: the last line has no end
      invokeRestart("muffleWarning")
    }
  )
  if (found_nul) {
    column <- nchar(gsub("[^,]", "", text, useBytes = TRUE)) + 1
    fail("%s:%d: column %d: expected digits, got a byte of value 0", path, line, column)
  }
  if (length(text) > 0 && nchar(text, "bytes") > longest_line) {
    fail("%s:%d: is too long: expected a label and pixels, separated by commas", path, line)
  }
  if (any(endsWith(text, "\r"))) sub("\r$", "", text, useBytes = TRUE) else text
}

# Cuts a line into fields.
cut <- function(text, path, line, n_inputs) {
  fields <- strsplit(text, ",", fixed = TRUE, useBytes = TRUE)[[1]]
  if (endsWith(text, ",")) fields <- c(fields, "") # strsplit drops an empty last field
  if (length(fields) != n_inputs + 1) {
    fail(
      "%s:%d: has %d values: expected %d, a label and %d pixels",
      path, line, length(fields), n_inputs + 1, n_inputs
    )
  }
  fields
}

# Turns a line into numbers: the label, then the pixels.
parse <- function(text, path, line, n_inputs, n_outputs) {
  fields <- cut(text, path, line, n_inputs)
  highest <- c(n_outputs - 1, 255)
  values <- match(fields, value_texts) - 1L
  if (!anyNA(values) && values[1] <= highest[1]) return(values)
  for (column in seq_along(fields)) {
    field <- fields[column]
    kind <- min(column, 2)
    if (!grepl("^[0-9]{1,3}$", field, useBytes = TRUE) || as.integer(field) > highest[kind]) {
      fail(
        "%s:%d: column %d: expected a %s from 0 to %d, got '%s'", path, line, column,
        c("label", "pixel value")[kind], highest[kind], shown(field)
      )
    }
  }
  as.integer(fields) # with leading zeros
}

# Returns the first bytes of a field, with a question mark for each that is no plain character.
shown <- function(field) {
  bytes <- as.integer(head(charToRaw(field), 20))
  bytes[bytes < 32 | bytes > 126] <- utf8ToInt("?")
  intToUtf8(bytes)
}

# ---- Weights: a line of three sizes, then a line for each hidden node, and each output node ----

read_weights <- function(path, hidden_nodes = NULL) {
  advice <- "write it with pi-nn weights"
  file <- open_file(path, "r")
  on.exit(close(file))
  numbers <- tryCatch(scan(file, quiet = TRUE), error = function(e) {
    fail("%s: expected numbers alone: %s", path, advice)
  })
  sizes <- numbers[1:3]
  if (anyNA(sizes) || any(sizes < 1 | sizes > 1e6 | sizes %% 1 != 0)) {
    fail("%s: expected three sizes on its first line: %s", path, advice)
  }
  if (!is.null(hidden_nodes) && sizes[2] != hidden_nodes) {
    fail(
      "%s: expected weights of %d hidden nodes, got %d: write them with %s --hidden-nodes %d",
      path, hidden_nodes, sizes[2], "pi-nn weights", hidden_nodes
    )
  }
  weights <- numbers[-(1:3)]
  in_wih <- sizes[1] * sizes[2]
  if (length(weights) != in_wih + sizes[2] * sizes[3]) {
    fail(
      "%s: expected %d weights, got %d: %s",
      path, in_wih + sizes[2] * sizes[3], length(weights), advice
    )
  }
  if (!all(is.finite(weights))) fail("%s: expected finite weights: %s", path, advice)
  list(
    wih = matrix(weights[seq_len(in_wih)], nrow = sizes[2], byrow = TRUE),
    who = matrix(weights[-seq_len(in_wih)], nrow = sizes[3], byrow = TRUE)
  )
}

# Opens another name, which takes the name `path` when it is complete. Another run has another name.
part_of <- function(path) sprintf("%s.%d.part", path, Sys.getpid())

open_target <- function(path) {
  if (file.exists(path)) {
    old <- open_file(path, "rb")
    first <- next_line(old, path, 1)
    close(old)
    if (!any(grepl("^[0-9]+ [0-9]+ [0-9]+$", first, useBytes = TRUE))) {
      fail("%s exists and is not a file of weights: choose another name", path)
    }
  }
  open_file(part_of(path), "w")
}

write_weights <- function(weights, file) {
  if (!all(is.finite(weights$wih), is.finite(weights$who))) {
    fail("the training diverged: lower LEARNING_RATE")
  }
  writeLines(paste(ncol(weights$wih), nrow(weights$wih), nrow(weights$who)), file)
  for (matrix in weights) {
    for (node in seq_len(nrow(matrix))) {
      writeLines(paste(sprintf("%.17g", matrix[node, ]), collapse = " "), file)
    }
  }
}

# ---- Training and testing ----

progress <- new.env()
progress$shown <- FALSE

# Shows on a terminal how far the training is.
show_progress <- function(epoch, epochs, rows) {
  if (rows %% 500 == 0 && isatty(stderr())) {
    cat(sprintf("\repoch %d of %d: %d digits ", epoch, epochs, rows), file = stderr())
    progress$shown <- TRUE
  }
}

end_progress <- function() if (progress$shown) cat("\n", file = stderr())

targets_of <- function(label, n_outputs) {
  targets <- rep(0.01, n_outputs)
  targets[label + 1] <- 0.99
  targets
}

train_on <- function(network, path, epochs, sizes) {
  for (epoch in seq_len(epochs)) {
    rows <- 0
    each_digit(path, sizes$inputs, sizes$outputs, function(label, inputs) {
      network$train(inputs, targets_of(label, sizes$outputs))
      rows <<- rows + 1
      show_progress(epoch, epochs, rows)
    })
  }
}

accuracy_on <- function(network, path, sizes) {
  right <- 0
  rows <- each_digit(path, sizes$inputs, sizes$outputs, function(label, inputs) {
    right <<- right + (which.max(network$query(inputs)) - 1 == label)
  })
  right / rows
}

# ---- The command line ----

usage <- paste(
  "usage: Rscript network.R HIDDEN_NODES LEARNING_RATE EPOCHS",
  "TRAIN.csv TEST.csv FIRST_WEIGHTS LAST_WEIGHTS"
)

positive <- function(name, text, whole) {
  number <- suppressWarnings(as.numeric(text))
  fits <- is.finite(number) && number > 0 && (!whole || (number < 1e6 && number %% 1 == 0))
  if (!fits) {
    expected <- if (whole) "whole number from 1 to 999999" else "number above 0"
    fail("%s: expected a %s, got '%s'", name, expected, text)
  }
  number
}

main <- function(words) {
  if (identical(words, "--help")) return(cat(usage, "\n", sep = ""))
  if (length(words) != 7) fail("expected 7 arguments, got %d; %s", length(words), usage)
  start <- proc.time()[["elapsed"]]
  hidden_nodes <- positive("HIDDEN_NODES", words[1], whole = TRUE)
  learning_rate <- positive("LEARNING_RATE", words[2], whole = FALSE)
  epochs <- positive("EPOCHS", words[3], whole = TRUE)
  first <- read_weights(words[6], hidden_nodes)
  sizes <- list(inputs = ncol(first$wih), outputs = nrow(first$who))
  close(open_file(words[5], "rb")) # now, not after hours of training
  target <- open_target(words[7])
  part <- part_of(words[7])
  on.exit(unlink(part))

  network <- neural_network(first$wih, first$who, learning_rate)
  train_on(network, words[4], epochs, sizes)
  accuracy <- accuracy_on(network, words[5], sizes)
  write_weights(network$weights(), target)
  close(target)
  file.rename(part, words[7])
  end_progress()
  cat(sprintf("accuracy %.4f\n", accuracy))
  cat(sprintf("seconds %.2f\n", proc.time()[["elapsed"]] - start))
}

# Runs a program: an error is one line on standard error, and exit code 1.
run <- function(main) {
  Sys.setenv(LANGUAGE = "en")
  options(warn = 2) # a warning is an error
  tryCatch(main(commandArgs(trailingOnly = TRUE)), error = function(e) {
    end_progress()
    message("error: ", conditionMessage(e))
    quit(status = 1)
  })
}

if (sys.nframe() == 0L) run(main) # not when pictures.R reads this file for its functions
