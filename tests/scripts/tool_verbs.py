# SPDX-License-Identifier: MIT
"""The checks of tool_verbs.sh:

    tool_verbs.py PROGRAM FOLDER SOURCE

PROGRAM is mlp, which runs in FOLDER. Tables, expected cells and scores are made
here, by Python's csv module and by NumPy.
"""
import csv
import io
import json
import math
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import unittest

import numpy as np

import mlp_file

PROGRAM, FOLDER, SOURCE = sys.argv[1:4]
os.chdir(FOLDER)

COLOURS = "red", "green", "blue", ""
GRADES = "a", 'b "best", they say', "c c", "größe", "NA?"
MIXED = ["id", "größe (cm)", "class", "1st", "for", "note", "colour", "price"]


def run(*arguments, text=None, status=0, **more):
    """Runs mlp, which must end with this status, and returns what it prints."""
    done = subprocess.run([PROGRAM, *arguments], input=text, **more,
                          capture_output=True, timeout=60)
    out, talk = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == status, (arguments, done.returncode, out, talk)
    if status != 0:  # exactly one line tells why
        assert talk[:5] == "mlp: " and talk.count("\n") == 1, (arguments, talk)
    return out, talk


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    return path


def table(rows, separator=",", end="\n"):
    """Rows as the text of a CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=end)
    writer.writerows(rows)
    return out.getvalue()


def read(text, separator=","):
    return list(csv.DictReader(io.StringIO(text, newline=""),
                               delimiter=separator))


def mixed_rows(n, seed):
    """Numbers and categories with empty cells, and names that need care."""
    draw = random.Random(seed)
    rows = []
    for i in range(n):
        size = "" if draw.random() < 0.1 else f"{draw.gauss(170, 10):.2f}"
        grade, colour = draw.choice(GRADES), draw.choice(COLOURS)
        price = (float(size or 170) / 10 + 3 * GRADES.index(grade) +
                 COLOURS.index(colour) + draw.gauss(0, 0.1))
        rows.append([f"x{i}", size, grade, draw.choice(["1", "2.5", ""]),
                     f"{draw.random():.3f}", 'free, "text"', colour,
                     f"{price:.3f}"])
    return rows


def setUpModule():
    """The networks that most tests use."""
    write("mixed.csv", table([MIXED] + mixed_rows(300, 1)))
    write("new.csv", table([MIXED] + mixed_rows(40, 2)))
    run("train", "mixed.csv", "price", "--ignore", "id,note", "--epochs", "40")
    grades = [MIXED] + mixed_rows(300, 3)
    write("grades.csv", table(grades))
    run("train", "grades.csv", "class", "--ignore", "id,note")
    shutil.copy(f"{SOURCE}/examples/data/iris.csv", "iris.csv")
    run("train", "iris.csv", "species")


class Predict(unittest.TestCase):
    def test_rows_stay_as_they_stood(self):
        text = open("new.csv", encoding="utf-8").read()
        out, talk = run("predict", "mixed.mlp", "new.csv")
        self.assertEqual(talk, "")
        for before, after in zip(text.splitlines(), out.splitlines()):
            self.assertTrue(after.startswith(before + ","), after)
        self.assertEqual(out.count("\n"), text.count("\n"))
        self.assertIn("predicted_price", out.splitlines()[0])

    def test_other_orders_separators_and_line_ends(self):
        expected = [row["predicted_price"] for row in
                    read(run("predict", "mixed.mlp", "new.csv")[0])]
        rows = read(open("new.csv", encoding="utf-8").read())
        names = ["extra"] + [n for n in reversed(MIXED) if n != "price"]
        others = [names] + [["e;\t,1"] + [row[n] for n in names[1:]]
                            for row in rows]
        for separator, end in (";", "\r\n"), ("\t", "\n"), (",", "\r\n"):
            text = table(others, separator, end)
            out, _ = run("predict", "mixed.mlp", "-", text=text.encode())
            self.assertEqual([row["price"] for row in read(out, separator)],
                             expected)
            self.assertEqual(out.count(end), len(others))
            self.assertEqual(out.count("\n"), len(others))
            for before, after in zip(text.split(end), out.split(end)):
                self.assertTrue(after.startswith(before), after)

    def test_one_row_and_none(self):
        lines = open("iris.csv").read().splitlines()
        head = lines[0].rsplit(",", 1)[0]
        row = lines[1].rsplit(",", 1)[0]
        answers = ",species,p_setosa,p_versicolor,p_virginica"
        out, _ = run("predict", "iris.mlp", "-",
                     text=f"{head}\n{row}\n".encode())
        self.assertTrue(out.startswith(f"{head}{answers}\n{row},setosa,0.9"))
        self.assertEqual(out.count("\n"), 2)
        for end in "", "\n":
            out, _ = run("predict", "iris.mlp", "-", text=(head + end).encode())
            self.assertEqual(out, head + answers + "\n")

    def test_classes_are_the_most_probable(self):
        out, _ = run("predict", "grades.mlp", "new.csv")
        for row in read(out):
            p = {name: float(row["p_" + name]) for name in GRADES}
            self.assertEqual(max(p, key=p.get), row["predicted_class"])
            self.assertAlmostEqual(sum(p.values()), 1, 12)
        # Once more: the first answers are columns of the table now.
        again, _ = run("predict", "grades.mlp", "-", text=out.encode())
        for row in read(again):
            self.assertEqual(row["predicted_2_class"], row["predicted_class"])
            self.assertEqual(row["predicted_p_größe"], row["p_größe"])

    def test_json(self):
        rows = read(run("predict", "grades.mlp", "new.csv")[0])
        lines = run("predict", "grades.mlp", "new.csv", "--json")[0]
        lines = lines.splitlines()
        self.assertEqual(len(lines), len(rows))
        for line, row in zip(lines, rows):
            for name, value in json.loads(line).items():
                same = row[name] == value if isinstance(value, str) else \
                    float(row[name]) == value
                self.assertTrue(same, (name, value, row[name]))

    def test_missing_columns_are_named(self):
        rows = [line.split(",")[:3] for line in open("iris.csv").readlines()]
        out, talk = run("predict", "iris.mlp", "-", text=table(rows).encode(),
                        status=2)
        self.assertEqual(out, "")
        self.assertEqual(talk, 'mlp: -: no column "petal_width", which '
                               "iris.mlp needs\n")

    def test_unknown_categories_are_counted(self):
        rows = [MIXED, *mixed_rows(5, 4)]
        for i, colour in (1, "pink"), (2, "pink"), (3, "grey"), (4, ""):
            rows[i][6] = colour
        out, talk = run("predict", "mixed.mlp", "-", text=table(rows).encode())
        self.assertEqual(talk, "-: 3 cells hold a category that mixed.mlp does "
                               "not know\n")
        self.assertEqual(len(read(out)), 5)

    def test_answers_need_quotes(self):
        names = [f"n{i:03}" for i in range(195)] + ["|", "NA", 'a,"b', " two ",
                                                       "x,y"]
        draw = random.Random(6)
        rows = [["x", "what"]]
        for i, name in enumerate(names):
            rows += [[f"{i + draw.gauss(0, 0.01):.4f}", name] for _ in range(4)]
        text = "x,what\n" + "".join(
            '%s,"%s"\n' % (x, name.replace('"', '""')) for x, name in rows[1:])
        write("many.csv", text)
        run("train", "many.csv", "what", "--epochs", "2")
        out, _ = run("predict", "many.mlp", "many.csv")
        got = read(out)
        self.assertEqual({"p_" + n for n in names} | {"x", "what",
                                                      "predicted_what"},
                         set(got[0]))
        self.assertTrue({row["predicted_what"] for row in got} <= set(names))
        self.assertIn('"p_a,""b"', out)
        self.assertIn(",p_NA,", out)
        self.assertIn(",p_|\n", out)
        run("test", "many.mlp", "many.csv")
        run("info", "many.mlp")
        # The class NA needs quotes, or it would be an empty cell.
        write("na.csv", 'x,what\n' + '1,"NA"\n2,b\n' * 20)
        run("train", "na.csv", "what")
        out, _ = run("predict", "na.mlp", "-", text=b"x\n1\n2\n")
        self.assertIn('1,"NA",', out)
        self.assertIn("2,b,", out)

    def test_other_tables_are_refused(self):
        rows = open("iris.csv").read().replace("5.1,3.5", "5.1,wide", 1)
        _, talk = run("predict", "iris.mlp", "-", text=rows.encode(), status=1)
        self.assertRegex(talk, r"^mlp: -:2: .*sepal_width.*wide.*\n$")
        for text in b"", b"a,b\n1\n", b"a\n\0\n", b"\xff\xfea\0\n\0":
            out, talk = run("predict", "iris.mlp", "-", text=text, status=1)
            self.assertEqual((out, talk.count("\n")), ("", 1), talk)
        run("predict", "iris.mlp", "absent.csv", status=1)

    def test_old_answers_do_not_count(self):
        rows = mixed_rows(4, 5)
        expected = read(run("predict", "mixed.mlp", "-",
                            text=table([MIXED] + rows).encode())[0])
        for row, old in zip(rows, ("ask Bob", "", "-", "12 EUR")):
            row[7] = old
        got = read(run("predict", "mixed.mlp", "-",
                       text=table([MIXED] + rows).encode())[0])
        self.assertEqual([row["predicted_price"] for row in got],
                         [row["predicted_price"] for row in expected])

    def test_arrays_have_only_answers(self):
        X = np.loadtxt("iris.csv", delimiter=",", skiprows=1,
                       usecols=range(4))
        rows = [["c1", "c2", "c3", "c4", "c5"]]
        rows += [[*x, "ab"[i // 75]] for i, x in enumerate(X)]
        write("cells.csv", table(rows))
        run("train", "cells.csv", "c5")
        np.save("cells.npy", X)
        out, _ = run("predict", "cells.mlp", "cells.npy")
        self.assertEqual(out.splitlines()[0], "c5,p_a,p_b")
        self.assertEqual(out.count("\n"), 151)
        # Without a line of names, CSV gets the names that were invented.
        bare, _ = run("predict", "cells.mlp", "-", text=table(X).encode())
        self.assertEqual(bare.splitlines()[0], "c1,c2,c3,c4,c5,p_a,p_b")
        self.assertEqual([row["p_a"] for row in read(bare)],
                         [row["p_a"] for row in read(out)])


class Test(unittest.TestCase):
    def test_scores_are_those_of_predict(self):
        rows = read(run("predict", "grades.mlp", "mixed.csv")[0])
        right = sum(row["class"] == row["predicted_class"] for row in rows)
        loss = -sum(math.log(float(row["p_" + row["class"]])) for row in rows)
        got = json.loads(run("test", "grades.mlp", "mixed.csv", "--json")[0])
        self.assertEqual(got["rows"], 300)
        self.assertAlmostEqual(got["accuracy"], right / 300, 12)
        self.assertAlmostEqual(got["log_loss"], loss / 300, 10)
        names = [c["name"] for c in got["classes"]]
        self.assertEqual(sorted(GRADES, key=lambda n: n.encode()), names)
        for i, true in enumerate(names):
            for j, other in enumerate(names):
                n = sum(row["class"] == true and row["predicted_class"] == other
                        for row in rows)
                self.assertEqual(got["confusion"][i][j], n)
            self.assertEqual(got["classes"][i]["rows"],
                             sum(got["confusion"][i]))
            self.assertAlmostEqual(got["classes"][i]["recall"],
                                   got["confusion"][i][i] /
                                   sum(got["confusion"][i]), 12)
        out, talk = run("test", "grades.mlp", "mixed.csv")
        self.assertIn(f"accuracy {right / 300:.3f}, log loss", out)
        self.assertIn("größe", out)
        self.assertEqual(talk, "")

    def test_numbers(self):
        rows = read(run("predict", "mixed.mlp", "new.csv")[0])
        y = np.array([float(row["price"]) for row in rows])
        p = np.array([float(row["predicted_price"]) for row in rows])
        got = json.loads(run("test", "mixed.mlp", "new.csv", "--json")[0])
        self.assertAlmostEqual(got["mae"], np.abs(p - y).mean(), 10)
        self.assertAlmostEqual(got["r2"], 1 - ((p - y) ** 2).sum() /
                               ((y - y.mean()) ** 2).sum(), 10)
        self.assertIn(f"R2 {got['r2']:.3f}", run("test", "mixed.mlp",
                                                 "new.csv")[0])

    def test_targets_must_be_there(self):
        rows = [line.split(",")[:4] for line in open("iris.csv").readlines()]
        write("unknown.csv", table(rows))
        out, talk = run("test", "iris.mlp", "unknown.csv", status=2)
        self.assertEqual(out, "")
        self.assertIn('unknown.csv: no column "species"', talk)
        head = open("iris.csv").readline()
        _, talk = run("test", "iris.mlp", write("none.csv", head), status=1)
        self.assertEqual(talk, "mlp: none.csv: expects rows to score, got none"
                               "\n")
        _, talk = run("test", "iris.mlp",
                      write("other.csv", head + "1,2,3,4,rose\n"), status=1)
        self.assertIn('other.csv:2: ', talk)
        self.assertIn("rose", talk)

    def test_images_with_labels(self):
        draw = np.random.RandomState(7)
        labels = draw.randint(0, 3, 200).astype(np.uint8)
        images = draw.randint(0, 40, (200, 4, 5)).astype(np.uint8)
        images[np.arange(200), labels, :] += 100
        with open("images", "wb") as f:
            f.write(struct.pack(">IIII", 0x803, 200, 4, 5) + images.tobytes())
        with open("labels", "wb") as f:
            f.write(struct.pack(">II", 0x801, 200) + labels.tobytes())
        run("train", "images", "labels", "-o", "images.mlp")
        got = json.loads(run("test", "images.mlp", "images", "labels",
                             "--json")[0])
        self.assertGreater(got["accuracy"], 0.95)
        self.assertEqual(sum(map(sum, got["confusion"])), 200)
        run("test", "images.mlp", "images", status=2)
        with open("short", "wb") as f:
            f.write(struct.pack(">II", 0x801, 199) + labels[1:].tobytes())
        run("test", "images.mlp", "images", "short", status=1)

    def test_axes(self):
        """The script of a picture needs no gnuplot."""
        for model, rows, across in (("iris.mlp", "iris.csv", "predicted"),
                                    ("mixed.mlp", "new.csv", "true")):
            run("test", model, rows, "--plot", "picture.gp")
            with open("picture.gp", encoding="utf-8") as f:
                script = f.read()
            self.assertIn(f"set xlabel '{across}'", script)

    def test_pictures(self):
        if not shutil.which("gnuplot"):
            self.skipTest("there is no gnuplot")
        for arguments in (["test", "iris.mlp", "iris.csv"],
                          ["test", "mixed.mlp", "new.csv"],
                          ["info", "iris.mlp"], ["info", "mixed.mlp"]):
            run(*arguments, "--plot", "picture.svg")
            with open("picture.svg", encoding="utf-8") as f:
                self.assertIn("<svg", f.read())
            os.remove("picture.svg")
            run(*arguments, "--plot", "picture.txt", status=1)


class Info(unittest.TestCase):
    def test_columns(self):
        got = json.loads(run("info", "mixed.mlp", "--json")[0])
        self.assertEqual(got["target"], "price")
        self.assertEqual(got["classes"], [])
        self.assertEqual([c["name"] for c in got["columns"]], MIXED[1:5] +
                         ["colour"])
        size, grade, _, _, colour = got["columns"]
        self.assertTrue(size["flag"] and colour["flag"] and not grade["flag"])
        self.assertAlmostEqual(size["mean"], 170, delta=3)
        self.assertEqual(grade["categories"],
                         sorted(GRADES, key=lambda n: n.encode()))
        self.assertEqual(sum(c["inputs"] for c in got["columns"]),
                         got["inputs"])
        self.assertEqual(got["bytes"], os.path.getsize("mixed.mlp"))
        self.assertIn("--epochs 40", got["metadata"]["train.options"])
        out, talk = run("info", "mixed.mlp")
        self.assertEqual(talk, "")
        for text in ("größe (cm)", "blue, green, red", got["weights"],
                     "train.options: --"):
            self.assertIn(text, out)

    def test_the_hash_tells_weights_apart(self):
        run("train", "iris.csv", "species", "--seed", "43", "-o", "other.mlp")
        hashes = [json.loads(run("info", m, "--json")[0])["weights"]
                  for m in ("iris.mlp", "other.mlp", "iris.mlp")]
        self.assertEqual(hashes[0], hashes[2])
        self.assertNotEqual(hashes[0], hashes[1])
        # The CRC-32 of the parameters, W row by row and then b.
        tensors, _ = mlp_file.read_mlp("iris.mlp")
        data = b"".join(tensors[f"layers.{l}.{part}"].tobytes()
                        for l in range(2) for part in ("weight", "bias"))
        self.assertEqual(hashes[0], f"{mlp_file.zlib.crc32(data):08x}")

    def test_damaged_files(self):
        whole = open("iris.mlp", "rb").read()
        n = len(whole)
        for length in [*range(0, 60), n // 4, n // 2, n - 1]:
            with open("cut.mlp", "wb") as f:
                f.write(whole[:length])
            out, talk = run("info", "cut.mlp", status=1)
            self.assertEqual((out, talk[:5], talk.count("\n")), ("", "mlp: ", 1))
        for text in b"FANN_FLO_2.1\n", b"1 2 3", b"\x08\x07", b"hello\n" * 9:
            with open("cut.mlp", "wb") as f:
                f.write(text)
            for verb in ["info"], ["predict", "iris.csv"], ["test", "iris.csv"]:
                _, talk = run(verb[0], "cut.mlp", *verb[1:], status=1)
                self.assertEqual(talk.count("\n"), 1, talk)
        run("info", "absent.mlp", status=1)

    def test_recipes_of_other_networks(self):
        tensors, metadata = mlp_file.read_mlp("iris.mlp")
        description = json.loads(metadata["mlp"])
        description.pop("version")
        bad = ("libmlp data recipe 1\nnumber\ty\nnumber\tx\t0\t1\n",
               metadata["data.recipe"].replace("\tvirginica", ""), "x",
               metadata["data.recipe"] + "number\tmore\t0\t1\n")
        for recipe in bad:
            mlp_file.write_mlp("bad.mlp", tensors, description,
                               **{"data.recipe": recipe})
            _, talk = run("info", "bad.mlp", status=1)
            self.assertEqual(talk.count("\n"), 1, talk)
        evil = metadata["data.recipe"].replace("sepal_width", "a\x1b[2J\x9b2J*/b")
        mlp_file.write_mlp("evil.mlp", tensors, description,
                           **{"data.recipe": evil, "key": "\x1b]0;x\x07"})
        for text in (run("info", "evil.mlp")[0],
                     run("predict", "evil.mlp", "iris.csv", status=2)[1]):
            self.assertNotRegex(text, "[\x1b\x9b]")
        run("export", "evil.mlp", "evil.c")
        subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-c",
                        "evil.c"], check=True)


class Plain(unittest.TestCase):
    """Networks without a recipe, which C code trained."""

    def setUp(self):
        draw = np.random.RandomState(8)
        self.X = draw.randn(20, 2)
        self.W, self.b = draw.randn(3, 2), draw.randn(3)
        tensors = {"layers.0.weight": self.W, "layers.0.bias": self.b}
        for name, activation, loss in (("soft", "softmax", "cce"),
                                       ("plain", "identity", "mse")):
            mlp_file.write_mlp(
                name + ".mlp", tensors,
                dict(precision="float64", inputs=2, layers=[mlp_file.layer_of(3, activation)],
                     loss=loss))
        write("plain.csv", table([["u", "v"], *self.X]))

    def test_inputs_in_order(self):
        rows = read(run("predict", "plain.mlp", "plain.csv")[0])
        got = [[float(row[f"y{j}"]) for j in (1, 2, 3)] for row in rows]
        self.assertTrue(np.allclose(got, self.X @ self.W.T + self.b, 1e-12))
        rows = read(run("predict", "soft.mlp", "plain.csv")[0])
        best = (self.X @ self.W.T + self.b).argmax(1)
        self.assertEqual([int(row["class"]) for row in rows], list(best))
        self.assertIn("p_2", rows[0])

    def test_one_output_for_two_classes(self):
        mlp_file.write_mlp(
            "two.mlp", {"layers.0.weight": self.W[:1], "layers.0.bias":
                        self.b[:1]},
            dict(precision="float64", inputs=2, loss="bce",
                 layers=[mlp_file.layer_of(1, "sigmoid")]))
        rows = read(run("predict", "two.mlp", "plain.csv")[0])
        p = 1 / (1 + np.exp(-(self.X @ self.W[0] + self.b[0])))
        self.assertTrue(np.allclose([float(row["p_1"]) for row in rows], p))
        self.assertTrue(np.allclose([float(row["p_0"]) for row in rows], 1 - p))
        self.assertEqual([row["class"] for row in rows],
                         ["01"[x >= 0.5] for x in p])

    def test_outputs_that_are_no_numbers(self):
        mlp_file.write_mlp(
            "huge.mlp", {"layers.0.weight": self.W * 0 + 1e308,
                         "layers.0.bias": self.b},
            dict(precision="float64", inputs=2, loss="cce",
                 layers=[mlp_file.layer_of(3, "softmax")]))
        out, _ = run("predict", "huge.mlp", "-", text=b"u,v\n9,9\n")
        self.assertEqual(out, "u,v,class,p_0,p_1,p_2\n9,9,,nan,nan,nan\n")
        out, _ = run("predict", "huge.mlp", "-", "--json", text=b"u,v\n9,9\n")
        self.assertEqual(set(json.loads(out).values()), {None})

    def test_targets_behind(self):
        best = (self.X @ self.W.T + self.b).argmax(1)
        write("soft.csv", table([["u", "v", "k"],
                                 *([*x, k] for x, k in zip(self.X, best))]))
        got = json.loads(run("test", "soft.mlp", "soft.csv", "--json")[0])
        self.assertEqual(got["accuracy"], 1)
        run("test", "soft.mlp", "plain.csv", status=2)

    def test_scores_of_several_targets(self):
        A = self.X @ self.W.T + self.b
        Y = A + np.random.RandomState(9).randn(*A.shape) * [1, 2, 3]
        write("plain3.csv", table([["u", "v", "y1", "y2", "y3"],
                                   *np.hstack((self.X, Y))]))
        got = json.loads(run("test", "plain.mlp", "plain3.csv", "--json")[0])
        self.assertAlmostEqual(got["mae"], np.abs(A - Y).mean(), 12)
        self.assertAlmostEqual(got["mean_mae"], np.abs(Y.mean(0) - Y).mean(),
                               12)

    def test_other_tables(self):
        cells = [["u", "v", "w", "x", "y", "z"], [1, 2, 3, 4, 5, 6]]
        _, talk = run("predict", "plain.mlp", "-", text=table(cells).encode(),
                      status=2)
        self.assertIn("expects 2 columns", talk)
        for cell in "red", "":
            text = table([["u", "v"], [1, cell], [2, cell]])
            _, talk = run("predict", "plain.mlp", "-", text=text.encode(),
                          status=1)
            self.assertIn("column 2 (v)", talk)
        for number in "1.5", "-1", "3", "1e99":
            text = f"u,v,k\n1,2,1\n1,2,{number}\n"
            _, talk = run("test", "soft.mlp", write("soft.csv", text), status=1)
            self.assertEqual((talk[:5], talk.count("\n")), ("mlp: ", 1), talk)

    def test_foreign_files(self):
        write("net.fann", "FANN_FLO_2.1\nnum_layers=2\nlearning_rate=0.7\n"
              "connection_rate=1.0\nnetwork_type=0\nlearning_momentum=0.0\n"
              "training_algorithm=2\ntrain_error_function=1\n"
              "train_stop_function=0\ncascade_output_change_fraction=0.01\n"
              "quickprop_decay=-0.0001\nquickprop_mu=1.75\n"
              "rprop_increase_factor=1.2\nrprop_decrease_factor=0.5\n"
              "rprop_delta_min=0.0\nrprop_delta_max=50.0\n"
              "rprop_delta_zero=0.1\ncascade_output_stagnation_epochs=12\n"
              "cascade_candidate_change_fraction=0.01\n"
              "cascade_candidate_stagnation_epochs=12\n"
              "cascade_max_out_epochs=150\ncascade_min_out_epochs=50\n"
              "cascade_max_cand_epochs=150\ncascade_min_cand_epochs=50\n"
              "cascade_num_candidate_groups=2\nbit_fail_limit=0.35\n"
              "cascade_candidate_limit=1000.0\ncascade_weight_multiplier=0.4\n"
              "cascade_activation_functions_count=1\n"
              "cascade_activation_functions=3 \n"
              "cascade_activation_steepnesses_count=1\n"
              "cascade_activation_steepnesses=0.25 \n"
              "layer_sizes=3 2 \nscale_included=0\n"
              "neurons (num_inputs, activation_function, "
              "activation_steepness)=(0, 0, 0.0) (0, 0, 0.0) (0, 0, 0.0) "
              "(3, 0, 1.0) (0, 0, 0.0) \n"
              "connections (connected_to_neuron, weight)=(0, 2.0) (1, -1.0) "
              "(2, 0.5) \n")
        out, talk = run("info", "net.fann")
        self.assertIn("net.fann: FANN", out, talk)
        rows = read(run("predict", "net.fann", "plain.csv")[0])
        self.assertTrue(np.allclose([float(row["y"]) for row in rows],
                                    self.X @ [2, -1] + 0.5))


CALLER = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mixed.h"

static REAL x[MIXED_INPUTS], y[MIXED_OUTPUTS], scratch[MIXED_SCRATCH];

static double number(const char *cell)
{
    return *cell ? atof(cell) : NAN;
}

int main(void)
{
    static char line[5][200];
    int rows = 0;
    while (scanf(" [%199[^]]] [%199[^]]] [%199[^]]] [%199[^]]] [%199[^]]]",
                 line[0], line[1], line[2], line[3], line[4]) == 5) {
        mixed_row row;
        for (int i = 0; i < 5; i++) {
            memmove(line[i], line[i] + 1, strlen(line[i]));
        }
        row.gr_e_cm = number(line[0]);
        row.class_ = line[1];
        row.c1st = number(line[2]);
        row.for_ = number(line[3]);
        row.colour = *line[4] || rows++ % 2 ? line[4] : NULL;
        mixed_encode(&row, x);
        mixed_predict(x, y, scratch);
        printf("%.17g\\n", (double)y[0]);
    }
    return 0;
}
"""


class Export(unittest.TestCase):
    def compile(self, compiler, output, *files):
        flags = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
                 "-Werror", "-ffp-contract=off"]
        subprocess.run([*compiler, *flags, "-o", output, *files, "-lm"],
                       check=True)

    def test_c_code_encodes_and_predicts(self):
        """Categories, empty cells, flags, categories that are unknown."""
        rows = mixed_rows(60, 9)
        rows[0][6] = rows[1][2] = "unknown"
        text = table([MIXED] + rows)
        expected = [float(row["predicted_price"]) for row in
                    read(run("predict", "mixed.mlp", "-",
                             text=text.encode())[0])]
        run("export", "mixed.mlp", "mixed.c")
        write("caller.c", CALLER)
        shutil.copy("mixed.c", "mixed.cc")
        shutil.copy("caller.c", "caller.cc")
        cells = "".join(
            " ".join(f"[={row[i]}]" for i in (1, 2, 3, 4, 6)) + "\n"
            for row in rows)
        for compiler, end in (["cc", "-std=c99"], "c"), (["c++"], "cc"):
            self.compile([*compiler, "-DREAL=double"], "./caller",
                         f"mixed.{end}", f"caller.{end}")
            done = subprocess.run("./caller", input=cells.encode(), check=True,
                                  capture_output=True).stdout
            got = [float(line) for line in done.split()]
            self.assertEqual(len(got), 60)
            self.assertLess(max(abs(a - b) for a, b in zip(got, expected)),
                            1e-6)
        self.compile(["cc", "-std=c99", "-DMIXED_SELF_TEST"], "./self",
                     "mixed.c")
        subprocess.run("./self", check=True)

    def test_names_of_fields(self):
        names = ["a b", "a-b", "a_b", "a_b_2", "if", "NULL", "ß", "ü", "x*/y",
                 "??/", "_", "2nd", "a" * 300]
        rows = [[str(random.Random(i).random())] * len(names) + [str(i)]
                for i in range(30)]
        write("names.csv", table([names + ["y"]] + rows))
        run("train", "names.csv", "y", "--epochs", "1", "--task", "numbers")
        run("export", "names.mlp", "names.c")
        self.compile(["cc", "-std=c99", "-DNAMES_SELF_TEST"], "./names",
                     "names.c")
        self.assertIn("double if_;", open("names.h", encoding="utf-8").read())

    def test_integers(self):
        _, talk = run("export", "iris.mlp", "iris8.c", "--int8", "--rows",
                      "iris.csv")
        self.assertIn("as integers 0.9", talk)
        self.compile(["cc", "-std=c99", "-DIRIS8_SELF_TEST"], "./iris8",
                     "iris8.c")
        subprocess.run("./iris8", check=True)
        # Without the target's column there are no scores.
        rows = [line.split(",")[:4] for line in open("iris.csv").readlines()]
        write("unknown.csv", table(rows))
        _, talk = run("export", "iris.mlp", "iris8.c", "--int8", "--rows",
                      "unknown.csv")
        self.assertNotIn("score", talk)

    def test_derivatives(self):
        run("export", "iris.mlp", "iris_j.c", "--jacobian")
        self.assertIn("void iris_j_jacobian(",
                      open("iris_j.h", encoding="utf-8").read())
        self.compile(["cc", "-std=c99", "-DIRIS_J_SELF_TEST"], "./iris_j",
                     "iris_j.c")
        subprocess.run("./iris_j", check=True)

    def test_other_files_keep_columns(self):
        expected, _ = run("predict", "grades.mlp", "new.csv")
        ends = ["safetensors", "mlp"]
        try:
            run("export", "grades.mlp", "copy.onnx")
            ends.append("onnx")
        except AssertionError as error:
            self.assertIn("built without ONNX", str(error))
        for end in ends:
            run("export", "grades.mlp", "copy." + end)
            got, _ = run("predict", "copy." + end, "new.csv")
            self.assertEqual(got, expected, end)
        self.assertEqual(open("copy.mlp", "rb").read(),
                         open("grades.mlp", "rb").read())

    def test_misuse(self):
        for arguments in (["x.txt"], ["x"], [".c"], ["x.c", "--int8"],
                          ["x.onnx", "--int8", "--rows", "iris.csv"],
                          ["x.mlp", "--rows", "iris.csv"],
                          ["x.mlp", "--jacobian"]):
            _, talk = run("export", "iris.mlp", *arguments, status=2)
            self.assertEqual(talk.count("\n"), 1)
        for path in "no/x.c", "no/x.mlp", "a-b.c", "math.c":
            _, talk = run("export", "iris.mlp", path, status=1)
            self.assertEqual(talk.count("\n"), 1)
        run("export", "iris.mlp", "x.c", "--rows", "mixed.csv", status=2)
        run("export", "iris.mlp", "x.c", "--rows", "iris.csv", "--int8",
            "--jacobian", status=1)
        self.assertFalse(os.path.exists("x.c") or os.path.exists("x.h"))


class Manual(unittest.TestCase):
    PAGE = f"{SOURCE}/src/tool/mlp.1"

    def text(self):
        with open(self.PAGE, encoding="ascii") as f:
            return f.read()

    def test_options_and_verbs_are_those_of_help(self):
        out, _ = run("--help")
        told = set(re.findall(r"--([a-z0-9]+)", out))
        self.assertEqual(set(re.findall(r"^\.It Fl (?:. , )?-([a-z0-9]+)",
                                        self.text(), re.M)), told)
        self.assertLessEqual(set(re.findall(r"Fl -([a-z0-9]+)", self.text())),
                             told | {"name"})
        verbs = re.findall(r"^  mlp ([a-z]+)", out, re.M)
        self.assertEqual(verbs, re.findall(r"^\.It Cm ([a-z]+) Ar",
                                           self.text(), re.M))
        # The arguments, too: "--layers N,N,...".
        for name, argument in re.findall(r"--([a-z0-9]+) ([A-Z]\S*)", out):
            if name not in ("help", "version"):
                self.assertRegex(self.text(), rf"It Fl .*-{name} Ar ")

    def test_the_page_is_well_formed(self):
        for command in (["mandoc", "-Tlint", "-Wwarning"],
                        ["man", "--warnings", "-l"]):
            if shutil.which(command[0]):
                done = subprocess.run([*command, self.PAGE], stderr=-2,
                                      stdout=-1, env={**os.environ, "TERM":
                                                      "dumb", "PAGER": "cat"})
                self.assertEqual(done.returncode, 0, done.stdout)
                if command[0] == "mandoc":
                    self.assertEqual(done.stdout, b"")

    def test_examples_run(self):
        os.makedirs("examples", exist_ok=True)
        iris = open("iris.csv").read()
        for name in "iris.csv", "new.csv", "more.csv":
            write("examples/" + name, iris)
        blocks = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", self.text(),
                            re.M | re.S)
        self.assertGreaterEqual(len(blocks), 4)
        path = os.path.dirname(PROGRAM) + os.pathsep + os.environ["PATH"]
        for block in blocks:
            done = subprocess.run(["sh", "-ec", block], cwd="examples",
                                  env={**os.environ, "PATH": path},
                                  capture_output=True)
            self.assertEqual(done.returncode, 0, (block, done.stderr))


class Output(unittest.TestCase):
    VERBS = (["predict", "iris.mlp", "iris.csv"],
             ["predict", "iris.mlp", "iris.csv", "--json"],
             ["test", "iris.mlp", "iris.csv"],
             ["test", "iris.mlp", "iris.csv", "--json"],
             ["info", "iris.mlp"], ["info", "iris.mlp", "--json"])

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        for arguments in self.VERBS:
            with open("/dev/full", "w") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full,
                                      stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_closed_output(self):
        for arguments in self.VERBS:
            done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", PROGRAM,
                                   *arguments], stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, arguments)
            done = subprocess.run(["sh", "-c", '{ "$@"; echo $? >status; } | :',
                                   "sh", PROGRAM, *arguments],
                                  stderr=subprocess.PIPE)
            self.assertIn(open("status").read(), ("0\n", "1\n"), arguments)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], warnings="ignore")
