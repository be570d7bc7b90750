# Times itself: the least processor time of up to five runs of each task, one line of JSON each. Packages that are missing are left out.
args <- commandArgs(trailingOnly = TRUE)
d <- read.csv(args[1]); horizons <- as.numeric(strsplit(args[2], ",")[[1]]); patience <- as.numeric(args[3]); B <- as.integer(args[4])
spent <- function(f) { s <- proc.time(); v <- f(); e <- proc.time(); list(seconds = sum((e - s)[c(1, 2)]), value = v) }
say <- function(task, f, scale = 1) {
  best <- Inf; total <- 0; runs <- 0
  while (runs < 5 && total < patience / 20) {
    # Several calls between two readings of a clock that ticks in milliseconds.
    k <- if (runs == 0) 1 else max(1, min(200, ceiling(0.05 / max(best, 1e-4)))); r <- spent(function() { for (i in seq_len(k)) v <- f(); v })
    best <- min(best, r$seconds / k); total <- total + r$seconds; runs <- runs + 1
  }
  cat(sprintf('{"task": "%s", "seconds": %.9f, "value": [%s]}\n', task, best * scale, paste(sprintf("%.15g", r$value), collapse = ", ")))
}
have <- function(p) suppressPackageStartupMessages(requireNamespace(p, quietly = TRUE))
if (have("pROC")) {
  suppressPackageStartupMessages(library(pROC))
  r <- roc(d$label, d$score, quiet = TRUE, direction = "<")
  say("delong", function() c(as.numeric(auc(r)), sqrt(var(r, method = "delong"))))
  if (nrow(d) <= 10000) say("boot", function() { set.seed(1); as.numeric(ci.auc(r, method = "bootstrap", boot.n = B / 20, progress = "none"))[2] }, 20)
}
if (have("survival")) {
  suppressPackageStartupMessages(library(survival))
  say("harrell", function() concordance(Surv(time, event) ~ risk, d, reverse = TRUE)$concordance)
  say("uno", function() concordance(Surv(time, event) ~ risk, d, reverse = TRUE, timewt = "n/G2", ymax = 48)$concordance)
}
if (have("riskRegression") && nrow(d) <= 10000) {
  suppressPackageStartupMessages({ library(riskRegression); library(prodlim) })
  say("score", function() {
    s <- Score(list(m = matrix(d$risk, nrow(d), length(horizons))), formula = Hist(time, event) ~ 1, data = d, times = horizons, metrics = c("auc", "brier"), cens.model = "km", null.model = FALSE, se.fit = FALSE, conf.int = FALSE)
    c(s$AUC$score$AUC, s$Brier$score$Brier)
  })
}
