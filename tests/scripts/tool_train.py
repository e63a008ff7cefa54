# SPDX-License-Identifier: MIT
"""The checks of tool_train.sh:

    tool_train.py PROGRAM FOLDER SOURCE

PROGRAM is mlp, which runs in FOLDER. Which rows are held out, their scores and
the hash of the weights are computed here, by NumPy and zlib.
"""
import gzip
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest
import zlib

import numpy as np

import mlp_file
from held_out import held_out

PROGRAM, FOLDER, SOURCE = sys.argv[1:4]
os.chdir(FOLDER)


def run(*arguments, status=0, **more):
    """Runs mlp, which must end with this status, and returns what it prints."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                          timeout=120, **more)
    assert done.returncode == status, (arguments, done)
    return done.stdout, done.stderr


def train(*arguments, **more):
    return run("train", *arguments, **more)


def facts(*arguments):
    return json.loads(train(*arguments, "--json")[0])


def refused(*arguments, status):
    """Returns the one line in which train refuses to begin."""
    out, talk = train(*arguments, status=status)
    assert out == "" and re.fullmatch("mlp: .*\n", talk), talk
    return talk


def write(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(",".join(map(str, row)) + "\n" for row in rows)
    return path


def content(path):
    with open(path, "rb") as file:
        return file.read()


def points(n, seed=1):
    """Rows of a, b and a number y = 3 a - b^2 with some noise."""
    draw = random.Random(seed)
    rows = [(draw.random(), draw.random()) for _ in range(n)]
    return [(round(a, 4), round(b, 4),
             round(3 * a - b * b + draw.gauss(0, 0.05), 4)) for a, b in rows]


def setUpModule():
    shutil.copy(f"{SOURCE}/examples/data/iris.csv", "iris.csv")
    write("points.csv", [("a", "b", "y")] + points(200))


class Talk(unittest.TestCase):
    def test_iris(self):
        out, talk = train("iris.csv", "species")
        self.assertEqual(out, "")
        lines = talk.splitlines()
        self.assertEqual(lines[:2], [
            "iris.csv: 150 rows; 4 numbers; species: 3 classes",
            "120 rows to train on, 30 held out (seed 42)"])
        self.assertRegex(lines[2], r"^4-100-3: 500 epochs, loss 0\.\d{4}, ")
        accuracy = re.match(r'held out: accuracy (\S+), log loss \S+  '
                            r'\(always "setosa": 0\.333\)$', lines[3])
        self.assertGreaterEqual(float(accuracy.group(1)), 0.95)
        self.assertRegex(lines[4], r"^iris\.mlp written, \d+\.\d kB, "
                                   r"weights [0-9a-f]{8}$")
        self.assertEqual(len(lines), 5)

    def test_no_escapes_where_there_is_no_terminal(self):
        self.assertNotIn("\033", train("iris.csv", "species")[1])
        self.assertNotIn("\r", train("iris.csv", "species")[1])

    def test_numbers(self):
        _, talk = train("points.csv", "y")
        self.assertIn("points.csv: 200 rows; 2 numbers; y: a number\n", talk)
        self.assertRegex(talk, r"held out: R2 0\.9\d\d, mean absolute error "
                               r"0\.\d+  \(always the mean: 0\.\d+\)\n")

    def test_json_tells_the_same(self):
        out, talk = train("iris.csv", "species", "--json", "--cv", "3")
        found = json.loads(out)
        self.assertEqual(out.count("\n"), 1)
        self.assertIn("weights " + found["weights"], talk)
        self.assertIn("accuracy %.3f, log loss %.3f" % (
            found["held_out"]["accuracy"], found["held_out"]["log_loss"]), talk)
        self.assertIn("3 folds: accuracy %.3f +- %.3f" % (
            found["cv"]["accuracy"], found["cv"]["deviation"]), talk)

    def test_pictures(self):
        if not shutil.which("gnuplot"):
            self.skipTest("there is no gnuplot")
        train("iris.csv", "species", "--plot", "losses.svg")
        self.assertIn(b"training", content("losses.svg"))

    def test_losses_below_0_have_no_logarithm(self):
        """The script of a picture needs no gnuplot."""
        write("n.csv", [("x", "n")] + [(i, i % 5) for i in range(40)])
        for loss, is_log in (("mse", True), ("poisson", False),
                             ("gaussian_nll", False)):
            train("n.csv", "n", "--loss", loss, "--epochs", "3", "--plot",
                  "losses.gp")
            self.assertEqual(b"set logscale y\n" in content("losses.gp"), is_log)


class Scores(unittest.TestCase):
    """The rows held out are those that mlp.h names, and teach nothing."""

    def split(self, path, rows, test):
        write("train_" + path, rows[:1] + [r for r, t in zip(rows[1:], test)
                                           if not t])
        write("test_" + path, rows[:1] + [r for r, t in zip(rows[1:], test)
                                          if t])

    def test_scores_are_those_of_the_rows_held_out(self):
        rows = [line.split(",") for line in
                open("iris.csv").read().splitlines()]
        names = sorted({row[4] for row in rows[1:]})
        classes = [names.index(row[4]) for row in rows[1:]]
        for seed in 42, 7:
            self.split("iris.csv", rows, held_out(classes, True, seed))
            scores = facts("iris.csv", "species", "--seed", str(seed))
            tested, _ = run("test", "iris.mlp", "test_iris.csv", "--json")
            for key, value in scores["held_out"].items():
                self.assertEqual(json.loads(tested)[key], value, key)

    def test_numbers_of_rows_held_out_teach_nothing(self):
        rows = points(200)
        test = held_out([row[2] for row in rows], False, 42)
        others = [(9, 8, -7) if t else row for row, t in zip(rows, test)]
        write("others.csv", [("a", "b", "y")] + others)
        self.assertEqual(facts("others.csv", "y")["weights"],
                         facts("points.csv", "y")["weights"])
        columns = json.loads(run("info", "points.mlp", "--json")[0])["columns"]
        mean = np.mean([row[0] for row, t in zip(rows, test) if not t])
        self.assertAlmostEqual(columns[0]["mean"], mean, 12)

    def test_the_search_does_not_see_the_rows_held_out(self):
        rows = [line.split(",") for line in
                open("iris.csv").read().splitlines()]
        names = sorted({row[4] for row in rows[1:]})
        classes = [names.index(row[4]) for row in rows[1:]]
        self.split("iris.csv", rows, held_out(classes, True, 42))
        inner = facts("train_iris.csv", "species")["held_out"]["log_loss"]
        _, talk = train("iris.csv", "species", "--tune", "1s")
        self.assertIn("\n  network 1: log loss %.4f  --layers 100 " % inner,
                      talk)

    def test_folds_leave_the_network_as_it_is(self):
        train("iris.csv", "species", "-o", "plain.mlp")
        train("iris.csv", "species", "-o", "cv.mlp", "--cv", "5")
        self.assertEqual(content("plain.mlp"), content("cv.mlp"))

    def test_one_fold_for_each_row(self):
        write("nine.csv", [("a", "y")] + [(i, "ab"[i % 2]) for i in range(9)])
        cv = facts("nine.csv", "y", "--cv", "9", "--epochs", "5")["cv"]
        self.assertAlmostEqual(cv["accuracy"] * 9, round(cv["accuracy"] * 9))
        mean = cv["accuracy"]
        self.assertAlmostEqual(cv["deviation"], (mean * (1 - mean)) ** 0.5)


class Losses(unittest.TestCase):
    """The scores are computed again from the answers of predict."""

    def scored(self, target, loss, columns):
        """Returns the targets, the answers and what test tells of them."""
        run("train", "counts.csv", target, "--loss", loss, "--ignore",
            "y" if target == "n" else "n", "-o", loss + ".mlp")
        shown = json.loads(run("test", "--json", loss + ".mlp",
                               "counts.csv")[0])
        rows = run("predict", loss + ".mlp", "counts.csv")[0].splitlines()
        names = rows[0].split(",")
        self.assertEqual(names[3:], columns)
        table = np.array([row.split(",") for row in rows[1:]], float)
        return table[:, names.index(target)], table[:, 3:], shown

    @classmethod
    def setUpClass(cls):
        draw = np.random.RandomState(5)
        x = draw.uniform(-1, 1, 600)
        y = 10 * np.sin(3 * x) + (1 + x / 2) * draw.randn(600) + 50
        write("counts.csv", [("x", "y", "n"),
                             *zip(x, y, draw.poisson(np.exp(1 + x)))])

    def test_quantiles(self):
        y, a, shown = self.scored("y", "quantile",
                                  ["y_0.05", "y_0.5", "y_0.95"])
        tau = np.array([.05, .5, .95])
        self.assertLess(np.abs(shown["covered"] - tau).max(), 0.05)
        self.assertEqual(shown["covered"],
                         [np.mean(y <= column) for column in a.T])

        def pinball(predicted):
            d = y[:, None] - predicted
            return np.maximum(tau * d, (tau - 1) * d).mean()

        network, simple = pinball(a), pinball(np.quantile(y, tau))
        self.assertAlmostEqual(shown["pinball_loss"], network, 12)
        self.assertAlmostEqual(shown["quantiles_pinball_loss"], simple, 12)
        self.assertAlmostEqual(shown["d2"], 1 - network / simple, 12)
        self.assertGreater(shown["d2"], 0.6)
        self.assertRegex(run("test", "quantile.mlp", "counts.csv")[0],
                         r"D2 0\.\d+, pinball loss .*always the quantiles: .*"
                         r"; targets at or below quantile 0\.05: 0\.0\d+, 0\.5: ")

    def test_counts(self):
        n, a, shown = self.scored("n", "poisson", ["predicted_n"])

        def deviance(rate):
            return 2 * np.sum(n * np.log(np.maximum(n, 1e-300) / rate)
                              - n + rate)

        d2 = 1 - deviance(a[:, 0]) / deviance(n.mean())
        self.assertAlmostEqual(shown["d2"], d2, 12)
        self.assertGreater(shown["d2"], 0.3)
        self.assertNotIn("covered", shown)

    def test_means_and_variances(self):
        y, a, shown = self.scored("y", "gaussian_nll",
                                  ["y_mean", "y_log_variance"])
        error = np.abs(y - a[:, 0])
        inside = np.mean(error <= 1.96 * np.exp(a[:, 1] / 2))
        r2 = 1 - (error ** 2).sum() / ((y - y.mean()) ** 2).sum()
        self.assertAlmostEqual(shown["r2"], r2, 12)
        self.assertEqual(shown["covered"], [inside])
        self.assertLess(abs(inside - 0.95), 0.03)

    def test_the_command_has_the_loss(self):
        found = facts("counts.csv", "y", "--loss", "quantile", "--cv", "3")
        self.assertIn(" --loss quantile", found["options"])
        self.assertIn("d2", found["cv"])
        self.assertEqual(len(found["held_out"]["covered"]), 3)

    def test_going_on(self):
        run("train", "counts.csv", "y", "--loss", "quantile", "-o", "q.mlp")
        train("counts.csv", "y", "--from", "q.mlp", "-o", "q2.mlp",
              "--epochs", "1")
        talk = refused("counts.csv", "y", "--from", "q.mlp", "--loss", "mse",
                       status=2)
        self.assertIn("has its layers and its loss already", talk)

    def test_classes_have_none(self):
        self.assertEqual(refused("iris.csv", "species", "--task", "classes",
                                 "--loss", "mae", status=2),
                         "mlp: --loss is for numbers, and --task says "
                         "classes\n")

    def test_counts_below_0(self):
        write("negative.csv", [("x", "n")] + [(i, i - 3) for i in range(20)])
        talk = train("negative.csv", "n", "--loss", "poisson", status=1)[1]
        self.assertIn("poisson expects counts, 0 or more, got -", talk)


class Networks(unittest.TestCase):
    def test_equal_commands_write_equal_bytes(self):
        first = facts("iris.csv", "species", "-o", "first.mlp")
        os.makedirs("elsewhere", exist_ok=True)
        shutil.copy("iris.csv", "elsewhere")
        again = facts("elsewhere/iris.csv", "species", "-o", "again.mlp")
        self.assertEqual(content("first.mlp"), content("again.mlp"))
        other = facts("iris.csv", "species", "-o", "other.mlp", "--seed", "1")
        self.assertEqual(first["weights"], again["weights"])
        self.assertNotEqual(first["weights"], other["weights"])

    def test_the_hash_is_the_crc_of_the_parameters(self):
        found = facts("iris.csv", "species")
        tensors, metadata = mlp_file.read_mlp("iris.mlp")
        names = sorted(n for n in tensors if n.startswith("layers."))
        names.sort(key=lambda n: (n.split(".")[1], n.endswith("bias")))
        crc = zlib.crc32(b"".join(tensors[n].tobytes() for n in names))
        self.assertEqual(found["weights"], "%08x" % crc)
        self.assertEqual(metadata["train.rows"], "120")
        self.assertEqual(metadata["train.held_out"], "30")
        self.assertEqual(metadata["train.table"], "iris.csv")

    def test_options_in_the_file_make_it_again(self):
        for more in [], ["--layers", "8,4", "--dropout", "0.1", "--rate",
                         "0.003", "--epochs", "9", "--seed", "5"]:
            train("iris.csv", "species", *more, "-o", "first.mlp")
            _, metadata = mlp_file.read_mlp("first.mlp")
            train("iris.csv", "species", "-o", "again.mlp",
                  *metadata["train.options"].split())
            self.assertEqual(content("first.mlp"), content("again.mlp"))

    def test_options_reach_the_network(self):
        train("iris.csv", "species", "--layers", "8,4", "--epochs", "3",
              "-o", "small.mlp")
        tensors, _ = mlp_file.read_mlp("small.mlp")
        self.assertEqual(tensors["layers.0.weight"].shape, (8, 4))
        self.assertEqual(tensors["layers.1.weight"].shape, (4, 8))
        few = "iris.csv", "species", "--epochs", "3"
        others = ([], ["--rate", "0.01"], ["--dropout", "0.5"],
                  ["--layers", "64"])
        hashes = {facts(*few, *more)["weights"] for more in others}
        self.assertEqual(len(hashes), 4)

    def test_search_and_its_command(self):
        out, talk = train("iris.csv", "species", "--tune", "2s", "--json",
                          "-o", "tuned.mlp")
        command = re.search(r"^the same again: mlp train '(.*)' '(.*)' (.*)$",
                            talk, re.M)
        self.assertRegex(talk, r"networks learn 96 of these rows and are "
                               r"scored on 24\n  network 1: log loss ")
        train(command.group(1), command.group(2), *command.group(3).split(),
              "-o", "again.mlp")
        self.assertEqual(content("tuned.mlp"), content("again.mlp"))
        tried = re.search(r"^(\d+) networks? tried", talk, re.M)
        self.assertGreaterEqual(int(tried.group(1)), 1)

    def test_the_search_draws_from_its_ranges(self):
        """Each improvement is told: a score of numbers that rises."""
        _, talk = train("points.csv", "y", "--tune", "2s", "--epochs", "2",
                        "-o", "tuned.mlp")
        found = re.findall(r"^  network (\d+): R2 (\S+)  --layers (\S+) --rate "
                           r"(\S+) --dropout (\S+)$", talk, re.M)
        self.assertEqual(found[0][0::2], ("1", "100", "0"))
        self.assertGreater(len(found), 1, talk)
        scores = [float(score) for _, score, *_ in found]
        self.assertEqual(scores, sorted(scores))
        for _, _, layers, rate, dropout in found[1:]:
            widths = [int(width) for width in layers.split(",")]
            self.assertLessEqual(len(widths), 3)
            self.assertEqual(widths, sorted(widths, reverse=True))
            self.assertTrue(set(widths) <= {16, 32, 64, 128, 256})
            self.assertTrue(0.0002 <= float(rate) <= 0.02)
            self.assertEqual(float("%.1e" % float(rate)), float(rate))
            self.assertIn(dropout, ("0", "0.1", "0.2", "0.3", "0.4", "0.5"))
        tried = re.search(r"^(\d+) networks tried", talk, re.M)
        self.assertGreaterEqual(int(tried.group(1)), int(found[-1][0]))

    def test_a_search_counts_no_network_that_fails(self):
        write("negative.csv", [("x", "n")] + [(i, i - 18) for i in range(20)])
        _, talk = train("negative.csv", "n", "--loss", "poisson", "--tune",
                        "0.01", status=1)
        self.assertIn("\n0 networks tried; ", talk)
        self.assertIn("poisson expects counts", talk.splitlines()[-1])

    def test_the_command_may_be_pasted(self):
        """Whatever the names are, a shell passes them on as they stand."""
        name = "it's; touch `pasted` $HOME.csv"
        write(name, [("a", "who's", "y y")] +
              [(a, b, y) for a, b, y in points(60)])
        _, talk = train(name, "y y", "--ignore", "who's", "--tune", "0.001",
                        "--epochs", "2", "-o", "pasted.mlp")
        command = re.search(r"^the same again: mlp (train .*)$", talk, re.M)
        subprocess.run(["sh", "-c", f"'{PROGRAM}' {command[1]} -o again.mlp"],
                       check=True, capture_output=True)
        self.assertEqual(content("pasted.mlp"), content("again.mlp"))
        self.assertFalse(os.path.exists("pasted"))

    def test_a_search_without_time_takes_the_default(self):
        train("iris.csv", "species", "-o", "plain.mlp")
        for span, told in (("0.000001", "1e-06"), ("0.000001s", "1e-06"),
                           ("0.0000001m", "6e-06"), ("0.00000001h", "3.6e-05")):
            _, talk = train("iris.csv", "species", "--tune", span,
                            "-o", "tuned.mlp")
            self.assertIn(f"searching for {told} s: ", talk)
            self.assertIn("\n0 networks tried", talk)
            self.assertEqual(content("plain.mlp"), content("tuned.mlp"))

    def test_going_on(self):
        train("iris.csv", "species")
        before = content("iris.mlp")
        same = facts("iris.csv", "species", "--from", "iris.mlp", "--epochs",
                     "0", "-o", "same.mlp")
        self.assertEqual(same["weights"],
                         facts("iris.csv", "species")["weights"])
        further = facts("iris.csv", "species", "--from", "iris.mlp",
                        "-o", "further.mlp")
        self.assertLess(further["held_out"]["log_loss"],
                        same["held_out"]["log_loss"])
        self.assertEqual(content("iris.mlp"), before)
        exact = facts("iris.csv", "species", "--from", "iris.mlp", "--epochs",
                      "2", "--rate", "0.00123456789", "-o", "t.mlp")
        self.assertIn("--rate 0.00123456789 ", exact["options"])
        # Columns are found by their names, and classes by theirs.
        rows = [line.split(",") for line in
                open("iris.csv").read().splitlines()]
        turned = write("turned.csv", [row[::-1] for row in rows])
        again = facts(turned, "species", "--from", "iris.mlp", "-o", "t.mlp")
        self.assertEqual(again["weights"], further["weights"])
        for path in "iris.onnx", "iris.safetensors":
            if run("info", "iris.mlp") and subprocess.run(
                    [PROGRAM, "export", "iris.mlp", path],
                    capture_output=True).returncode == 0:
                again = facts("iris.csv", "species", "--from", path, "-o",
                              "t.mlp")
                self.assertEqual(again["weights"], further["weights"], path)

    def test_going_on_with_other_networks(self):
        train("iris.csv", "species")
        for arguments, status in (
                (["points.csv", "y"], 2), (["iris.csv", "petal_width"], 2),
                (["iris.csv", "species", "--layers", "3"], 2),
                (["iris.csv", "species", "--dropout", "0"], 2),
                (["iris.csv", "species", "--cv", "3"], 2),
                (["iris.csv", "species", "--tune", "3"], 2)):
            refused(*arguments, "--from", "iris.mlp", status=status)
        refused("iris.csv", "species", "--from", "none.mlp", status=1)
        write("more.csv", [("sepal_length", "sepal_width", "petal_length",
                            "petal_width", "species")] +
              [(1, 2, 3, 4, name) for name in ("setosa", "rose") * 5])
        _, talk = train("more.csv", "species", "--from", "iris.mlp", status=1)
        self.assertIn('mlp: more.csv: the class "rose" is not known to '
                      'iris.mlp\n', talk)
        self.assertFalse(os.path.exists("more.mlp"))

    def test_going_on_with_a_network_of_C_code(self):
        """It has no recipe, so its inputs are the columns in their order."""
        def network(outputs, activation, loss):
            draw = np.random.RandomState(3)
            mlp_file.write_mlp(
                "bare.mlp", {"layers.0.weight": draw.randn(outputs, 2),
                             "layers.0.bias": draw.randn(outputs)},
                dict(precision="float64", inputs=2, loss=loss,
                     layers=[mlp_file.layer_of(outputs, activation)]))

        rows = points(60)
        write("kinds.csv", [("a", "b", "k")] +
              [(a, b, "xyz"[i % 3]) for i, (a, b, _) in enumerate(rows)])
        write("three.csv", [("a", "b", "c", "y")] +
              [(a, b, a + b, y) for a, b, y in rows])
        network(1, "identity", "mse")
        found = facts("points.csv", "y", "--from", "bare.mlp", "-o", "on.mlp",
                      "--rate", "0.1")
        self.assertGreater(found["held_out"]["r2"], 0.9)
        self.assertIn("data.recipe", mlp_file.read_mlp("on.mlp")[1])
        _, talk = train("three.csv", "y", "--from", "bare.mlp", status=1)
        self.assertIn("mlp: bare.mlp has 2 inputs, and the columns of three.csv "
                      "become 3\n", talk)
        self.assertIn("has 1 outputs for 0 classes, and k of kinds.csv has 3 ",
                      refused("kinds.csv", "k", "--from", "bare.mlp", status=1))
        network(3, "identity", "mse")
        self.assertIn("has 3 outputs for 0 classes, and y of points.csv has 0 ",
                      refused("points.csv", "y", "--from", "bare.mlp",
                              status=1))
        network(3, "softmax", "cce")
        self.assertIn("has 3 outputs for 3 classes, and y of points.csv has 0 ",
                      refused("points.csv", "y", "--from", "bare.mlp",
                              status=1))
        train("kinds.csv", "k", "--from", "bare.mlp", "-o", "on.mlp",
              "--epochs", "1")

    def test_weights_of_other_programs(self):
        """A safetensors file of PyTorch has no layers, so --layers tells them."""
        draw = np.random.RandomState(4)
        tensors = {"net.0.weight": draw.randn(8, 2), "net.0.bias": draw.randn(8),
                   "net.2.weight": draw.randn(1, 8), "net.2.bias": draw.randn(1)}
        header, data = {}, b""
        for name, t in tensors.items():
            t = t.astype("<f4")
            header[name] = dict(dtype="F32", shape=t.shape, data_offsets=[
                len(data), len(data) + t.nbytes])
            data += t.tobytes()
        text = json.dumps(header).encode()
        with open("torch.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data)
        np.save("floats.npy", draw.rand(60, 2).astype("f4"))
        write("numbers.csv", [("y",)] + [(y,) for _, _, y in points(60)])
        for table, target in ("points.csv", "y"), ("floats.npy", "numbers.csv"):
            train(table, target, "--from", "torch.safetensors", "--layers", "8",
                  "--epochs", "0", "-o", "torch.mlp")
            got = mlp_file.read_mlp("torch.mlp")[0]
            for name, t in tensors.items():
                same = "layers.%d.%s" % (int(name[4]) // 2, name[6:])
                self.assertTrue((got[same] == t.astype("f4")).all(), same)
        _, talk = train("points.csv", "y", "--from", "torch.safetensors",
                        status=1)
        self.assertEqual(talk.count("mlp: "), 1, talk)

    def interrupt(self, lines, *arguments):
        """Presses Ctrl-C half a second after so many lines of talk."""
        if os.path.exists("stopped.mlp"):
            os.remove("stopped.mlp")
        process = subprocess.Popen(
            [PROGRAM, "train", "iris.csv", "species", "-o", "stopped.mlp",
             *arguments], stderr=subprocess.PIPE, text=True)
        talk = "".join(process.stderr.readline() for _ in range(lines))
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        try:
            talk += process.communicate(timeout=60)[1]
        finally:
            process.kill()
        self.assertIn("stopped.mlp written", talk)
        return process.returncode, talk

    def test_an_interrupt_ends_the_training(self):
        status, talk = self.interrupt(2, "--epochs", "100000000")
        self.assertEqual(status, 0, talk)
        self.assertRegex(talk, r"4-100-3: \d+ epochs? \(stopped\), ")
        self.assertIn("(stopped)", run("info", "stopped.mlp")[0])

    def test_an_interrupt_ends_the_search(self):
        status, talk = self.interrupt(3, "--tune", "1000")
        self.assertEqual(status, 0, talk)
        self.assertIn(": 500 epochs, ", talk)

    def test_an_interrupt_ends_the_folds(self):
        status, talk = self.interrupt(5, "--cv", "150", "--epochs", "20000")
        self.assertEqual(status, 1, talk)
        self.assertRegex(talk, r"mlp: --cv was stopped in fold \d+ of 150\n")

class Tables(unittest.TestCase):
    def test_numbers_that_are_classes(self):
        def classes(values, *more):
            write("t.csv", [("a", "y")] + [(i, v) for i, v in
                                           enumerate(values)])
            _, talk = train("t.csv", "y", "--epochs", "1", *more)
            return int((re.search(r"y: (\d+) classes$", talk, re.M)
                        or [0, 0])[1])

        self.assertEqual(classes([0, 1] * 5), 2)
        self.assertEqual(classes([0, 1, 2] * 10), 3)
        self.assertEqual(classes([1, 2, 3] * 10), 3)
        self.assertEqual(classes([0, 1, 2] * 9), 0)  # too few rows
        self.assertEqual(classes([2, 3, 4] * 10), 0)  # neither from 0 nor 1
        self.assertEqual(classes([0, 1, 3] * 10), 0)  # a gap
        self.assertEqual(classes([0, 1, 1.5] * 10), 0)
        self.assertEqual(classes([0, 1, -1] * 10), 0)
        self.assertEqual(classes([0, 1] * 15 + [2] * 4), 0)
        self.assertEqual(classes([0, 1, 2] * 10, "--task", "numbers"), 0)
        self.assertEqual(classes([5, 7] * 5, "--task", "classes"), 2)
        self.assertEqual(classes([0, 1, ""] * 10), 2)  # without the empty ones
        for values in [1] * 20, [""] * 20:  # one class, and none
            write("t.csv", [("a", "y")] + [(i, v) for i, v in
                                           enumerate(values)])
            talk = train("t.csv", "y", status=1)[1]
            self.assertIn("there is nothing to learn" if values[0] else
                          "expects 3 rows or more with a value for y, got 0",
                          talk)

    def test_choices_are_told(self):
        write("t.csv", [("a", "y")] + [(i, i % 3) for i in range(60)])
        self.assertIn("y holds 3 whole numbers, which are taken as classes; "
                      "--task numbers learns them as numbers\n",
                      train("t.csv", "y")[1])
        write("t.csv", [("who", "a", "y")] +
              [("person %d" % i, i, i * i) for i in range(60)])
        _, talk = train("t.csv", "y")
        self.assertIn("who is left out: it differs in every row\n", talk)
        self.assertIn("t.csv: 60 rows; 1 number; y: a number\n", talk)
        write("t.csv", [("who", "a", "y")] +
              [("person %d" % (i // 2), i, i * i) for i in range(60)])
        _, talk = train("t.csv", "y", "--epochs", "1")
        self.assertNotIn("left out", talk)
        self.assertIn("t.csv: 60 rows; 1 number; 1 category; y: ", talk)
        write("t.csv", [("a", "y")] + [(i, i if i % 4 else "") for i in
                                       range(60)])
        self.assertIn("rows without y are left out: 15 of 60\n",
                      train("t.csv", "y")[1])

    def test_rows_without_target_teach_nothing(self):
        rows = points(60)
        write("t.csv", [("a", "b", "y")] + rows)
        expected = facts("t.csv", "y")["weights"]
        rows[20:20] = [(100, -100, "")] * 7
        write("t.csv", [("a", "b", "y")] + rows)
        self.assertEqual(facts("t.csv", "y")["weights"], expected)

    def test_ignored_columns(self):
        rows = points(60)
        write("t.csv", [("a", "b", "y")] + rows)
        expected = facts("t.csv", "y")["weights"]
        write("t.csv", [("n", "a", "m", "b", "y")] +
              [(i, a, "xy"[i % 2], b, y) for i, (a, b, y) in enumerate(rows)])
        self.assertEqual(facts("t.csv", "y", "--ignore", "m,n")["weights"],
                         expected)
        self.assertIn('"q"', refused("t.csv", "y", "--ignore", "q", status=2))

    def test_long_names(self):
        for name in "ü" * 400, "two\nlines":
            rows = [(i, '"%s"' % (name if i % 3 else "x")) for i in range(60)]
            write("t.csv", [("a", "y")] + rows)
            self.assertIn('(always "1": 0.667)' if name > "x" else
                          '(always "0": 0.667)', train("t.csv", "y")[1])
        names = ",".join("n%d" % i for i in range(2000))
        refused("t.csv", "y", "--ignore", names, status=2)

    def test_columns_that_tell_nothing(self):
        write("t.csv", [("c", "k", "e", "a", "y")] +
              [(7, "same", "", i, 2 * i) for i in range(50)])
        self.assertGreater(facts("t.csv", "y")["held_out"]["r2"], 0.9)

    def test_classes_that_are_none(self):
        """Measured numbers, or words that differ, are no classes."""
        rows = [(i, 1.5 * i) for i in range(60)]
        write("t.csv", [("a", "y")] + rows)
        self.assertIn("got 60 for the 60 rows of y",
                      refused("t.csv", "y", "--task", "classes", status=1))
        write("t.csv", [("a", "y")] + [(i, "word %d" % y) for i, y in rows])
        refused("t.csv", "y", status=1)
        write("t.csv", [("a", "y")] + [(i, y // 4) for i, y in rows])
        train("t.csv", "y", "--task", "classes", "--epochs", "1")

    def test_small_tables(self):
        write("t.csv", [("a", "y"), (1, 2)])
        self.assertIn("expects 3 rows or more",
                      refused("t.csv", "y", status=1))
        write("t.csv", [("a", "y"), (1, 2), (2, 3), (3, 5)])
        self.assertIn("2 rows to train on, 1 held out", train("t.csv", "y")[1])

    def test_refusals(self):
        write("empty.csv", [])
        write("names.csv", [("a", "y")])
        write("same.csv", [("a", "y")] + [(i, "x") for i in range(9)])
        write("wide.csv", [["a%d" % j for j in range(30)]] + [range(30)] * 9)
        self.assertIn("the columns are sepal_length, sepal_width, petal_length,"
                      " petal_width, species\n",
                      refused("iris.csv", "specie", status=2))
        self.assertIn("a8, a9, ...\n", refused("wide.csv", "y", status=2))
        names = ["%s%d" % ("long" * 14, j) for j in range(9)]
        write("long.csv", [names, range(9)])
        self.assertIn(", ".join(names[:6]), refused("long.csv", "y", status=2))
        self.assertIn("is the same in all 9 rows",
                      refused("same.csv", "y", status=1))
        write("same.csv", [("a", "y")] + [(i, 0.5) for i in range(9)])
        self.assertIn("is the same in all 9 rows",
                      refused("same.csv", "y", status=1))
        for path in "empty.csv", "names.csv", "none.csv", ".":
            refused(path, "y", status=1)
        refused("-", "y", status=2)

    def test_output_is_tried_first(self):
        self.assertIn("cannot be written: No such file",
                      refused("iris.csv", "species", "-o", "no/new.mlp",
                              status=1))
        # A link stays, even if what it names is not there.
        os.symlink("no/there.mlp", "link.mlp")
        refused("iris.csv", "species", "-o", "link.mlp", status=1)
        self.assertTrue(os.path.islink("link.mlp"))
        refused("iris.csv", "species", "--task", "numbers", status=2)
        refused("iris.csv", "species", "--cv", "151", status=2)
        refused("iris.csv", "species", "--cv", "3", "--tune", "3", status=2)

    def test_images_with_labels(self):
        draw = np.random.RandomState(1)
        labels = draw.randint(0, 10, 300).astype("u1")
        pixels = draw.randint(0, 50, (300, 4, 5)).astype("u1")
        pixels[np.arange(300), labels % 4, labels // 4] = 255
        for path, array in ("x-idx3-ubyte", pixels), ("y-idx1-ubyte", labels):
            head = struct.pack(">BBBB", 0, 0, 8, array.ndim)
            head += struct.pack(">%dI" % array.ndim, *array.shape)
            with gzip.open(path + ".gz", "wb") as file:
                file.write(head + array.tobytes())
        _, talk = train("x-idx3-ubyte.gz", "y-idx1-ubyte.gz")
        self.assertIn("20 numbers; target: 10 classes\n", talk)
        self.assertIn("x-idx3-ubyte.mlp written", talk)
        tensors, metadata = mlp_file.read_mlp("x-idx3-ubyte.mlp")
        self.assertEqual(tensors["layers.0.weight"].dtype, "<f4")
        # A column comes before a file of its name.
        write("y-idx1-ubyte.gz.csv", [("a", "y-idx1-ubyte.gz")] +
              [(i, i * i) for i in range(40)])
        self.assertIn("y-idx1-ubyte.gz: a number\n",
                      train("y-idx1-ubyte.gz.csv", "y-idx1-ubyte.gz",
                            status=0)[1])
        # One scale for all pixels: that of the rows to train on.
        test = held_out(labels, True, 42)
        learned = pixels[~test].astype(float)
        for name, value in ("inputs.mean", learned.mean()), ("inputs.std",
                                                             learned.std()):
            np.testing.assert_allclose(tensors[name], value, 1e-6)
        # A network to go on from keeps its scale, whatever the images are.
        with gzip.open("x-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">4I", 0x803, *pixels.shape) +
                       (pixels // 2).tobytes())
        train("x-idx3-ubyte.gz", "y-idx1-ubyte.gz", "--from",
              "x-idx3-ubyte.mlp", "--epochs", "1", "-o", "on.mlp")
        again = mlp_file.read_mlp("on.mlp")[0]
        self.assertTrue((again["inputs.mean"] == tensors["inputs.mean"]).all())
        # Pixels that are all alike are divided by nothing. One number that is
        # no byte, and each column has a scale of its own.
        for value, scales in (7, None), (-1, 1), (256, 1), (0.5, 1):
            array = np.full((300, 3), 7, "f4")
            array[:, 1] = np.where(scales, labels, 7)
            array[~test & (labels == 1), 2] = value
            np.save("x.npy", array)
            train("x.npy", "y-idx1-ubyte.gz", "--epochs", "1", "-o", "x.mlp")
            tensors = mlp_file.read_mlp("x.mlp")[0]
            array = array[~test].astype(float)
            np.testing.assert_allclose(tensors["inputs.mean"],
                                       array.mean(0) if scales else 7, 1e-6)
            deviations = array.std(0)
            np.testing.assert_allclose(
                tensors["inputs.std"],
                np.where(deviations > 0, deviations, 1), 1e-6)

    def large(self, rows, *arguments):
        """Trains on a large table of two bytes, and returns the options that
        were chosen, and the tensors."""
        draw = np.random.RandomState(rows)
        for path, magic, array in (
                ("many", 0x802, draw.randint(0, 256, (rows, 2))),
                ("kinds", 0x801, draw.randint(0, 2, rows))):
            with open(path, "wb") as file:
                file.write(struct.pack(">%dI" % (array.ndim + 1), magic,
                                       *array.shape))
                file.write(array.astype("u1").tobytes())
        train("many", "kinds", "-o", "many.mlp", *arguments)
        tensors, metadata = mlp_file.read_mlp("many.mlp")
        return metadata["train.options"], tensors

    def test_large_tables_are_learnt_otherwise(self):
        options, tensors = self.large(12500, "--epochs", "0")
        self.assertIn("--layers 256,128 --rate 0.002 --dropout 0.2 ", options)
        # PyTorch's weights: uniform up to 1 / sqrt(inputs).
        largest = np.abs(tensors["layers.0.weight"]).max()
        self.assertTrue(0.9 / 2 ** 0.5 < largest <= 1 / 2 ** 0.5, largest)
        options, _ = self.large(12400, "--epochs", "0")
        self.assertIn("--layers 100 --rate 0.001 --dropout 0 ", options)
        # The rows to train on are 80 of 100, and all but 10,000 of many.
        for rows, epochs in (12500, 100), (20000, 75), (160000, 10):
            options, _ = self.large(rows, "--layers", "1", "--dropout", "0")
            self.assertIn("--layers 1 --rate 0.002 --dropout 0 --epochs "
                          f"{epochs} ", options)


class Output(unittest.TestCase):
    def test_names_that_are_no_utf8(self):
        """Metadata and JSON hold UTF-8 only; a file's name may be any bytes."""
        for name, told in ((b"gr\xc3\xb6\xc3\x9fe", "gr\u00f6\u00dfe"),
                           (b"\xff\xe4a", "??a"), (b"\xc3", "?"),
                           (b"\xed\xa0\x80", "???"), (b"\xc0\xaf", "??"),
                           (b"\xf4\x90\x80\x80", "????"),
                           (b"\xe0\x9f\xbf", "???"), (b"\xf5\x80", "??"),
                           (b"\xf0\x8f\xbf\xbf", "????"), (b"\xe2\x82", "??"),
                           *((text.encode(), text) for text in (
                               "\u0800", "\ud7ff", "\ue000", "\u20ac",
                               "\U00010000", "\U0010ffff", "a\\b", 'q"q'))):
            shutil.copy("points.csv", name + b".csv")
            done = subprocess.run([PROGRAM, "train", name + b".csv", "y",
                                   "--epochs", "1", "-o", "t.mlp", "--json"],
                                  capture_output=True, check=True)
            self.assertEqual(json.loads(done.stdout)["table"], told + ".csv")
            self.assertEqual(mlp_file.read_mlp("t.mlp")[1]["train.table"],
                             told + ".csv")

    def test_short_times_have_digits(self):
        for epochs in "1", "100":
            _, talk = train("points.csv", "y", "--epochs", epochs)
            self.assertRegex(talk, r", (0\.0\d\d|0\.\d\d|[1-9]\.\d|\d\d+) s\n")

    def test_paths(self):
        for path, expected in (("a.b.csv", "a.b.mlp"), ("plain", "plain.mlp"),
                               (".hidden", ".hidden.mlp")):
            shutil.copy("points.csv", path)
            self.assertIn("\n%s written" % expected,
                          train(path, "y", "--epochs", "1")[1])

    def test_what_cannot_be_written(self):
        before = sorted(os.listdir("."))
        for path in "none/x.mlp", ".", "x" * 600:
            refused("iris.csv", "species", "-o", path, status=1)
        train("iris.csv", "species", "-o", "/dev/full", status=1)
        self.assertEqual(sorted(os.listdir(".")), before)

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "train", "iris.csv", "species",
                                   "--json"], stdout=full,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"mlp: the standard output could not be written",
                      done.stderr)

    def test_values_of_options(self):
        for option, values in {
                "--epochs": ("-1", "x", "", "1.5", "1e3", "2000000000"),
                "--rate": ("0", "-1", "nan", "inf", "0x1", "1,5", ""),
                "--dropout": ("1", "-0.1", "x"),
                "--seed": ("-1", "4294967296"), "--cv": ("1", "0", "x"),
                "--tune": ("0", "-3", "5x", "s", "5mm", "inf", "nan"),
                "--task": ("class", ""), "--loss": ("bce", "cce", "l2", ""),
                "--layers": ("", "0", "a", "3,,4", "-3", "16777217",
                             "0000000000000008",
                             "1,2,3,4,5,6,7,8,9")}.items():
            for value in values:
                talk = refused("iris.csv", "species", option, value, status=2)
                self.assertIn(option + " expects ", talk)
                self.assertIn('"%s"' % value, talk)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], warnings="ignore")
