#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes metrics_*.txt with scikit-learn: predictions and their scores.

    python3 make_metrics.py

    metrics_classes         a row's label and predicted class; class 3 is never
                            predicted, and no row has the label 4
    metrics_confusion       the confusion matrix of metrics_classes
    metrics_class_scores    precision, recall, F1 and support of each class of
                            metrics_classes, then the macro averages
    metrics_binary          label, score, a score with many ties, probability
    metrics_probabilities   label, then a probability for each of four classes;
                            the first seven rows have a probability of 1, and
                            the last two of these seven predict a wrong class
    metrics_regression      three targets, then their predictions; the second
                            and the third target are constant, and the third is
                            predicted exactly
    metrics_scores          the accuracy; the ROC AUC of the scores without and
                            with ties; the log loss of metrics_binary and of
                            metrics_probabilities; MSE, MAE and R2 of all
                            targets together, then MSE of each target, MAE of
                            each, R2 of each
"""
import numpy as np
from sklearn import metrics

from vectors import put

rng = np.random.RandomState(7)


def classes():
    truth = rng.choice([0, 1, 2, 3], 60, p=[0.5, 0.3, 0.15, 0.05])
    wrong = rng.choice([0, 1, 2, 4], 60)
    predicted = np.where(rng.uniform(size=60) < 0.6, truth, wrong)
    predicted[predicted == 3] = 0
    every = range(5)
    each = np.array(metrics.precision_recall_fscore_support(
        truth, predicted, labels=every, zero_division=0)).T
    macro = metrics.precision_recall_fscore_support(
        truth, predicted, labels=every, average="macro", zero_division=0)
    put("metrics_classes", np.column_stack([truth, predicted]))
    put("metrics_confusion",
        metrics.confusion_matrix(truth, predicted, labels=every))
    put("metrics_class_scores", np.vstack([each, [*macro[:3], len(truth)]]))
    return [metrics.accuracy_score(truth, predicted)]


def binary():
    labels = (rng.uniform(size=83) < 0.3).astype(int)
    scores = rng.normal(size=83) + labels
    ties = np.round(scores)
    P = 1 / (1 + np.exp(-3 * scores))
    put("metrics_binary", np.column_stack([labels, scores, ties, P]))
    return [metrics.roc_auc_score(labels, scores),
            metrics.roc_auc_score(labels, ties),
            metrics.log_loss(labels, P)]


def probabilities():
    labels = rng.randint(0, 4, 130)
    P = rng.dirichlet([0.7] * 4, 130)
    P[:5] = np.eye(4)[labels[:5]]
    P[5:7] = np.eye(4)[(labels[5:7] + 1) % 4]
    put("metrics_probabilities", np.column_stack([labels, P]))
    # Versions of scikit-learn clip differently, so the script clips itself.
    return [metrics.log_loss(labels, np.clip(P, 1e-15, 1))]


def regression():
    Y = rng.normal([3, 0, 0], [10, 0, 0], (41, 3)) + [0, 0.5, -2]
    P = Y + rng.normal(size=(41, 3)) * [2, 0.3, 0]
    put("metrics_regression", np.column_stack([Y, P]))
    return [metrics.mean_squared_error(Y, P),
            metrics.mean_absolute_error(Y, P),
            metrics.r2_score(Y, P),
            *metrics.mean_squared_error(Y, P, multioutput="raw_values"),
            *metrics.mean_absolute_error(Y, P, multioutput="raw_values"),
            *metrics.r2_score(Y, P, multioutput="raw_values")]


put("metrics_scores", classes() + binary() + probabilities() + regression())
