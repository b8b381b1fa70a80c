# Pictures of digits and of learning, and where the time goes, in R.
#
#   Rscript pictures.R digit DIGITS.csv ROW PICTURE.png
#   Rscript pictures.R curve DIGITS.csv FIRST_WEIGHTS LEARNING_RATE PICTURE.png
#   Rscript pictures.R profile DIGITS.csv FIRST_WEIGHTS LEARNING_RATE

this_file <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])
source(file.path(dirname(this_file), "network.R"))

digits_a_point <- 100

draw_to <- function(picture, draw) {
  if (!dir.exists(dirname(picture))) fail("%s: folder %s does not exist", picture, dirname(picture))
  if (file.exists(picture) && !grepl("[.]png$", picture)) {
    fail("%s exists: give a name that ends in .png", picture)
  }
  png(picture, width = 600, height = 450, type = "cairo")
  on.exit(dev.off())
  draw()
}

# Draws the digit in a row of the file. image() puts the first row at the bottom, so rows are
# reversed; and it takes the rows of a matrix as x, so it is transposed.
draw_digit <- function(path, row, picture) {
  rows <- 0
  found <- NULL
  each_digit(path, 784, 10, function(label, inputs) {
    rows <<- rows + 1
    if (rows < row) return()
    found <<- list(label = label, pixels = matrix(inputs, 28, byrow = TRUE))
    FALSE
  })
  if (is.null(found)) fail("%s: expected a row from 1 to %d, got %d", path, rows, row)
  draw_to(picture, function() {
    par(pty = "s")
    image(
      t(found$pixels[28:1, ]), col = grey(seq(1, 0, length.out = 256)), zlim = c(0.01, 1),
      axes = FALSE, main = paste("a", found$label)
    )
    box()
  })
}

# Trains for one epoch, and draws how the squared error falls.
draw_curve <- function(path, weights_path, learning_rate, picture) {
  first <- read_weights(weights_path)
  sizes <- list(inputs = ncol(first$wih), outputs = nrow(first$who))
  network <- neural_network(first$wih, first$who, learning_rate)
  errors <- recent <- c()
  rows <- each_digit(path, sizes$inputs, sizes$outputs, function(label, inputs) {
    targets <- targets_of(label, sizes$outputs)
    recent <<- c(recent, sum((targets - network$query(inputs))^2))
    if (length(recent) == digits_a_point) {
      errors <<- c(errors, mean(recent))
      recent <<- c()
    }
    network$train(inputs, targets)
  })
  if (length(errors) < 2) {
    fail("%s: expected at least %d digits, got %d", path, 2 * digits_a_point, rows)
  }
  draw_to(picture, function() {
    plot(
      seq_along(errors) * digits_a_point, errors,
      type = "l", ylim = c(0, max(errors)), las = 1,
      xlab = "digits learned", ylab = "squared error", main = "The learning curve"
    )
  })
}

# Trains for one epoch under Rprof, and prints which functions took the time.
print_profile <- function(path, weights_path, learning_rate) {
  first <- read_weights(weights_path)
  sizes <- list(inputs = ncol(first$wih), outputs = nrow(first$who))
  network <- neural_network(first$wih, first$who, learning_rate)
  samples <- tempfile()
  on.exit(unlink(samples))
  Rprof(samples, interval = 0.01)
  train_on(network, path, 1, sizes)
  Rprof(NULL)
  shares <- tryCatch(summaryRprof(samples), error = function(e) {
    fail("%s: too few digits to measure: expected at least a second of training", path)
  })
  total <- shares$by.total
  ours <- c("parse", "next_line", "forward", "send_back", "update")
  rownames(total) <- gsub("\"", "", rownames(total))
  total <- total[rownames(total) %in% ours, c("total.time", "total.pct")]
  colnames(total) <- c("seconds", "percent")
  # of update's time: in each sample, the running function stands before those that called it
  stacks <- readLines(samples)[-1]
  products <- sum(grepl("\"%*%\" \"update\"", stacks, fixed = TRUE))
  total["its outer product", ] <- c(0.01 * products, round(100 * products / length(stacks), 2))
  print(total[order(-total$seconds), ])
}

pictures_usage <- paste(
  "usage: Rscript pictures.R digit DIGITS.csv ROW PICTURE.png",
  "or curve DIGITS.csv FIRST_WEIGHTS LEARNING_RATE PICTURE.png",
  "or profile DIGITS.csv FIRST_WEIGHTS LEARNING_RATE"
)

pictures_main <- function(words) {
  if (identical(words, "--help")) return(cat(pictures_usage, "\n", sep = ""))
  rate <- function() positive("LEARNING_RATE", words[4], whole = FALSE)
  switch(paste(words[1], length(words)),
    "digit 4" = draw_digit(words[2], positive("ROW", words[3], whole = TRUE), words[4]),
    "curve 5" = draw_curve(words[2], words[3], rate(), words[5]),
    "profile 4" = print_profile(words[2], words[3], rate()),
    fail(pictures_usage)
  )
  invisible()
}

run(pictures_main)
