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
        _, talk = run("predict", "mixed.mlp", "-",
                      text=table(rows[:2]).encode())
        self.assertEqual(talk, "-: 1 cell holds a category that mixed.mlp does "
                               "not know\n")

    def test_answers_need_quotes(self):
        names = [f"n{i:03}" for i in range(190)] + [
            "|", "NA", 'a,"b', " two ", "x,y", 'q"q', "tail ", "\tb", "a\\b",
            "two\nlines"]
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
        self.assertIn(',"p_q""q",', out)
        self.assertIn(',"p_tail ",', out)
        self.assertIn(",p_a\\b,", out)
        lines = run("predict", "many.mlp", "many.csv", "--json")[0]
        for line, row in zip(lines.splitlines(), got):
            found = json.loads(line)
            self.assertEqual(found["predicted_what"], row["predicted_what"])
            self.assertEqual(found["p_two\nlines"],
                             float(row["p_two\nlines"]))
        run("test", "many.mlp", "many.csv")
        run("info", "many.mlp")
        # The class NA needs quotes, or it would be an empty cell.
        write("na.csv", 'x,what\n' + '1,"NA"\n2,b\n' * 20)
        run("train", "na.csv", "what")
        out, _ = run("predict", "na.mlp", "-", text=b"x\n1\n2\n")
        self.assertIn('1,"NA",', out)
        self.assertIn("2,b,", out)
        # Blanks around a cell do not count, unless they are in quotes.
        names = [" two", "tail ", "\ttab", "b c", 'q"q', "x,y"]
        rows = [[10 * k, name] for k, name in enumerate(names)]
        text = "x,what\n" + "".join('%s,"%s"\n' % (x, name.replace('"', '""'))
                                    for x, name in rows * 20)
        run("train", write("blanks.csv", text), "what", "--ignore", "",
            "--epochs", "300")
        out, _ = run("predict", "blanks.mlp", "-", text=text.encode())
        lines = out.splitlines()[1:7]
        for (x, name), line in zip(rows, lines):
            cell = '"%s"' % name.replace('"', '""')
            self.assertTrue(line.startswith(
                f"{x},{cell},{'b c' if name == 'b c' else cell},"), line)

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
        # Of one row without names nobody knows how its line would end.
        bare, _ = run("predict", "cells.mlp", "-", text=b"5,3,1,0.2\r\n")
        self.assertEqual(bare.splitlines()[0], "c1,c2,c3,c4,c5,p_a,p_b")
        self.assertTrue(bare.splitlines()[1].startswith("5,3,1,0.2,a,"))
        self.assertEqual((bare.count("\n"), bare.count("\r")), (2, 0))
        bare, _ = run("predict", "cells.mlp", "-", text=b"5,3,1,0.2\r\n" * 2)
        self.assertEqual((bare.count("\n"), bare.count("\r")), (3, 3))
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

    def test_one_row(self):
        """The simple prediction is right there, so no share of it remains."""
        run("train", "mixed.csv", "price", "--ignore", "id,note", "--epochs",
            "2", "--loss", "quantile", "-o", "q.mlp")
        lines = open("new.csv", encoding="utf-8").readlines()[:2]
        write("one.csv", "".join(lines))
        got = json.loads(run("test", "q.mlp", "one.csv", "--json")[0])
        self.assertEqual((got["rows"], got["d2"]), (1, None))
        self.assertEqual(got["quantiles_pinball_loss"], 0)
        self.assertIn("D2 -inf", run("test", "q.mlp", "one.csv")[0])

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

    def test_pictures_on_the_terminal(self):
        if not shutil.which("gnuplot"):
            self.skipTest("there is no gnuplot")
        for more in [], ["--json"]:
            told, _ = run("info", "iris.mlp", *more)
            out, _ = run("info", "iris.mlp", *more, "--plot", "-")
            self.assertTrue(out.startswith(told))
            self.assertIn("100 relu", out[len(told):])


class Info(unittest.TestCase):
    def test_long_lists_are_cut(self):
        head = [f"a{j}" for j in range(45)] + ["word", "y"]
        rows = [[(i * j) % 7 for j in range(45)] + [f"w{i % 20:02}", i]
                for i in range(60)]
        write("wide.csv", table([head] + rows))
        run("train", "wide.csv", "y", "--epochs", "1")
        out, _ = run("info", "wide.mlp")
        self.assertIn("  a39\nand 6 more columns (--json lists all)\n", out)
        got = json.loads(run("info", "wide.mlp", "--json")[0])
        self.assertEqual([c["name"] for c in got["columns"]], head[:-1])
        write("words.csv", table([["word", "y"]] + [r[-2:] for r in rows]))
        run("train", "words.csv", "y", "--epochs", "1")
        self.assertRegex(run("info", "words.mlp")[0],
                         "word: w00, .*, w11, and 8 more\n")

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
        for text in (b"FANN_FLO_2.1\n", b"1 2 3", b"\x08\x07", b"hello\n" * 9,
                     b"# no net\n" * 9):
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
        # A number, and class numbers, of which the network has three.
        for loss, target in ("mse", "number\ty"), ("bce", "category\ty\ta\tb"):
            mlp_file.write_mlp(
                "bad.mlp", {"layers.0.weight": np.ones((3, 1)),
                            "layers.0.bias": np.ones(3)},
                dict(precision="float64", inputs=1, loss=loss,
                     layers=[mlp_file.layer_of(3, "sigmoid")]),
                **{"data.recipe":
                   f"libmlp data recipe 1\n{target}\nnumber\tx\t0\t1\n"})
            _, talk = run("info", "bad.mlp", status=1)
            self.assertIn("expects a recipe for 1 inputs and 0 classes (0: a "
                          "number), got one for 1 and ", talk)
        evil = metadata["data.recipe"].replace("sepal_width",
                                               "a\x1b[2J\x9b2J\x7f*/b")
        mlp_file.write_mlp("evil.mlp", tensors, description,
                           **{"data.recipe": evil, "key": "\x1b]0;x\x07"})
        for text in (run("info", "evil.mlp")[0],
                     run("predict", "evil.mlp", "iris.csv", status=2)[1]):
            self.assertNotRegex(text, "[\x1b\x9b\x7f]")
            self.assertIn("a?[2J?2J?*/b", text)
        run("export", "evil.mlp", "evil.c")
        subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-c",
                        "evil.c"], check=True)


    def test_names_of_files_that_are_no_text(self):
        """Not even a name from the command line reaches the terminal raw."""
        for name, told in ((b"\xff\xc2.mlp", "??.mlp"),
                           ("\x9b2J\x7fö.mlp".encode(), "?2J?ö.mlp")):
            shutil.copy("iris.mlp", name)
            _, talk = run("predict", name, "-", text=b"a,b\n1,2\n", status=2)
            self.assertEqual(talk, 'mlp: -: no column "sepal_length", which '
                                   f"{told} needs\n")
            os.remove(name)

    def test_batch_norm_counts(self):
        """The hash covers all that a layer computes with."""
        draw = np.random.RandomState(12)
        tensors = {"layers.0.weight": draw.randn(4, 2)}
        tensors |= {f"layers.0.norm.{name}": draw.rand(4) + 0.5
                    for name in mlp_file.NORM}
        tensors |= {"layers.1.weight": draw.randn(1, 4),
                    "layers.1.bias": draw.randn(1)}
        description = dict(precision="float64", inputs=2, loss="mse", layers=[
            mlp_file.layer_of(4, "relu", batch_norm=True),
            mlp_file.layer_of(1, "identity")])
        order = ["layers.0.weight", "layers.0.norm.bias", "layers.0.norm.weight",
                 "layers.0.norm.running_mean", "layers.0.norm.running_var",
                 "layers.1.weight", "layers.1.bias"]
        for _ in range(2):
            mlp_file.write_mlp("norm.mlp", tensors, description)
            data = b"".join(tensors[name].tobytes() for name in order)
            got = json.loads(run("info", "norm.mlp", "--json")[0])
            self.assertEqual(got["weights"], f"{mlp_file.zlib.crc32(data):08x}")
            self.assertEqual(got["metadata"], {})
            self.assertNotIn("columns", got)
            tensors["layers.0.norm.running_var"] = draw.rand(4) + 0.5


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
        k = (self.X[:, 0] > 0).astype(int)
        write("two.csv", table([["u", "v", "k"], *([*x, y] for x, y in
                                                   zip(self.X, k))]))
        got = json.loads(run("test", "two.mlp", "two.csv", "--json")[0])
        self.assertAlmostEqual(got["accuracy"], np.mean((p >= 0.5) == k), 12)
        self.assertAlmostEqual(got["log_loss"],
                               -np.log(np.where(k, p, 1 - p)).mean(), 12)
        # An int8 network has no score of class numbers for one output.
        _, talk = run("export", "two.mlp", "two8.c", "--int8", "--rows",
                      "two.csv")
        self.assertNotIn("score", talk)

    def test_several_outputs_of_other_losses(self):
        """Three independent answers are no classes; means and variances of two
        targets, and quantiles of two, have numbers."""
        def network(outputs, activation, loss, **more):
            draw = np.random.RandomState(13)
            W, b = draw.randn(outputs, 2), draw.randn(outputs)
            mlp_file.write_mlp(
                "many.mlp", {"layers.0.weight": W, "layers.0.bias": b},
                dict(precision="float64", inputs=2, loss=loss, layers=[
                    mlp_file.layer_of(outputs, activation)], **more))
            rows = read(run("predict", "many.mlp", "plain.csv")[0])
            return list(rows[0])[2:], self.X @ W.T + b

        self.assertEqual(network(3, "sigmoid", "bce")[0], ["y1", "y2", "y3"])
        names, A = network(4, "identity", "gaussian_nll")
        self.assertEqual(names, ["y1", "y2", "y3", "y4"])
        Y = A[:, :2] + np.random.RandomState(14).randn(20, 2)
        write("pairs.csv", table([["u", "v", "y", "z"],
                                  *np.hstack((self.X, Y))]))
        got = json.loads(run("test", "many.mlp", "pairs.csv", "--json")[0])
        inside = np.abs(Y - A[:, :2]) <= 1.96 * np.exp(A[:, 2:] / 2)
        self.assertEqual(got["covered"], [inside.mean()])

    def test_many_quantiles(self):
        """Eight shares of covered targets are shown, and all are scored."""
        tau = np.arange(1, 11) / 11
        A = np.repeat(self.X[:, :1], 10, 1) + tau
        mlp_file.write_mlp(
            "ten.mlp", {"layers.0.weight": np.array([[1.0, 0]] * 10),
                        "layers.0.bias": tau},
            dict(precision="float64", inputs=2, loss="quantile",
                 quantiles=[t.hex() for t in tau],
                 layers=[mlp_file.layer_of(10, "identity")]))
        for cols in 10, 1:
            Y = self.X[:, :1] + np.random.RandomState(15).rand(20, cols)
            write("ten.csv", table([["u", "v", *(f"y{j}" for j in range(cols))],
                                    *np.hstack((self.X, Y))]))
            if cols == 1:  # the targets of a plain network are its outputs'
                run("test", "ten.mlp", "ten.csv", status=2)
                continue
            got = json.loads(run("test", "ten.mlp", "ten.csv", "--json")[0])
            self.assertEqual(got["covered"], [np.mean(Y[:, j] <= A[:, j])
                                              for j in range(8)])
            d = Y - A
            self.assertAlmostEqual(got["pinball_loss"], np.maximum(
                tau * d, (tau - 1) * d).mean(), 12)

    def test_floats_have_the_digits_that_they_need(self):
        """The shortest decimals that give the float back."""
        mlp_file.write_mlp(
            "same.mlp", {"layers.0.weight": np.ones((1, 1), "f4"),
                         "layers.0.bias": np.zeros(1, "f4")},
            dict(precision="float32", inputs=1, loss="mse",
                 layers=[mlp_file.layer_of(1, "identity")]))
        draw = np.random.RandomState(16)
        x = np.concatenate(([0.1, 1 / 3, 16777216, 1e-45, 3.4028235e38, -0.5],
                            draw.randn(200))).astype("f4")
        rows = [["x"], *([repr(float(v))] for v in x)]
        out, _ = run("predict", "same.mlp", "-", text=table(rows).encode())
        for value, row in zip(x, read(out)):
            text = row["y"]
            self.assertEqual(np.float32(text), value)
            digits = len(text.split("e")[0].replace("-", "").replace(
                ".", "").lstrip("0"))
            if digits > 6:
                shorter = "%.*g" % (digits - 1, value)
                self.assertNotEqual(np.float32(shorter), value, text)

    def test_pictures_and_code(self):
        run("info", "plain.mlp", "--plot", "plain.gp")
        with open("plain.gp", encoding="utf-8") as f:
            script = f.read()
        self.assertIn("set label 'x2' at 0,", script)
        _, talk = run("export", "plain.mlp", "plain_c.c")
        self.assertRegex(talk, r"^plain_c\.c and plain_c\.h written: \d+ bytes "
                               r"of constants\n$")
        with open("plain_c.h", encoding="utf-8") as f:
            self.assertNotIn("encode", f.read())
        subprocess.run(["cc", "-std=c99", "-DPLAIN_C_SELF_TEST", "-o",
                        "./plain_c", "plain_c.c", "-lm"], check=True)
        subprocess.run("./plain_c", check=True)

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

    def test_fields_have_names_of_their_own(self):
        """Names that become equal get numbers, whatever stands there already."""
        names = ["a", "a_5", "a_6", "a 5", "a-", "a.", "a_7", "a_5_4"]
        write("equal.csv", table([names + ["y"]] + [
            [random.Random(i).random()] * 8 + [i] for i in range(30)]))
        run("train", "equal.csv", "y", "--epochs", "1", "--task", "numbers")
        run("export", "equal.mlp", "equal.c")
        self.compile(["cc", "-std=c99", "-DEQUAL_SELF_TEST"], "./equal",
                     "equal.c")
        fields = re.findall(r"^    double (\w+);$",
                            open("equal.h", encoding="utf-8").read(), re.M)
        self.assertEqual(len(set(fields)), 8)
        self.assertEqual(fields[:5], ["a", "a_5", "a_6", "a_5_4", "a_7"])

    def test_evil_names_in_code(self):
        """Nothing that stands in a table ends a comment, a text or a line, or
        turns the direction of reading."""
        words = ["*/ #error", "/* x", "??/", 'q"q', "a\\", "\x7f", "two\nlines",
                 "\u202eevil", "\u2066evil", "größe", "%d%s", "a/b*c", "*/"]
        rows = [["\u202e/*\u2066\x7f*/\n#error", "y"]]
        rows += [[word, j + i / 10] for i in range(5)
                 for j, word in enumerate(words)]
        write("evil.csv", table(rows))
        run("train", "evil.csv", "y", "--epochs", "1", "--task", "numbers")
        run("export", "evil.mlp", "evil_c.c")
        with open("evil_c.h", encoding="utf-8") as f:
            header = f.read()
        self.assertNotRegex(header, "[\u202a-\u202e\u2066-\u2069\x7f]")
        self.assertIn('"?|*??*|?#error"', header)
        with open("evil_c.c", "rb") as f:
            self.assertNotRegex(f.read(), rb"[^\n -~]")
        order = mlp_file.read_mlp("evil.mlp")[1]["data.recipe"].split("\n")[2]
        order = [word.replace("\\n", "\n").replace("\\\\", "\\")
                 for word in order.split("\t")[3:]]
        self.assertEqual(sorted(order), sorted(words))
        field = re.search(r"const char \*(\w+);", header)[1]
        write("evil_caller.c", "#include <stdio.h>\n#include \"evil_c.h\"\n"
              "int main(void)\n{\n    static char word[99];\n    size_t n = "
              "fread(word, 1, 98, stdin);\n    double x[EVIL_C_INPUTS];\n"
              f"    evil_c_row row = {{word}};\n    (void)row.{field};\n"
              "    evil_c_encode(&row, x);\n    for (size_t i = 0; n > 0 && i "
              "< EVIL_C_INPUTS; i++) {\n        printf(\"%g \", x[i]);\n    }\n"
              "    return 0;\n}\n")
        self.compile(["cc", "-std=c99"], "./evil_c", "evil_c.c",
                     "evil_caller.c")
        for k, word in enumerate(order):
            done = subprocess.run("./evil_c", input=word.encode(), check=True,
                                  capture_output=True).stdout.split()
            self.assertEqual([float(x) for x in done],
                             [float(i == k) for i in range(len(order))], word)

    def test_floats_stay_floats(self):
        with open("bytes", "wb") as f:
            f.write(struct.pack(">III", 0x802, 60, 2) + bytes(range(120)))
        with open("kinds", "wb") as f:
            f.write(struct.pack(">II", 0x801, 60) + bytes([0, 1] * 30))
        run("train", "bytes", "kinds", "--epochs", "1", "-o", "bytes.mlp")
        run("export", "bytes.mlp", "bytes_c.c")
        with open("bytes_c.h", encoding="utf-8") as f:
            self.assertIn("void bytes_c_encode(const bytes_c_row *row, float *x);",
                          f.read())
        self.compile(["cc", "-std=c99", "-DBYTES_C_SELF_TEST"], "./bytes_c",
                     "bytes_c.c")
        subprocess.run("./bytes_c", check=True)

    def test_integers(self):
        _, talk = run("export", "iris.mlp", "iris8.c", "--int8", "--rows",
                      "iris.csv")
        self.assertIn("as integers 0.9", talk)
        self.compile(["cc", "-std=c99", "-DIRIS8_SELF_TEST"], "./iris8",
                     "iris8.c")
        subprocess.run("./iris8", check=True)
        # Of numbers the score is R2.
        _, talk = run("export", "mixed.mlp", "mixed8.c", "--int8", "--rows",
                      "mixed.csv")
        r2 = json.loads(run("test", "mixed.mlp", "mixed.csv", "--json")[0])["r2"]
        self.assertIn("score on these rows: %.3f, as integers 0.9" % r2, talk)
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


class Commands(unittest.TestCase):
    def test_misuse_is_told(self):
        for arguments, told in (
                ([], "expects train, test, predict, info or export, got \"\"; "
                     "mlp --help tells more"),
                (["tain"], 'or export, got "tain"; mlp --help'),
                (["info"], "info expects MODEL, got 0 arguments"),
                (["info", "a", "b"], "info expects MODEL, got 2 arguments"),
                (["predict", "a"],
                 "predict expects MODEL TABLE|-, got 1 argument"),
                (["train", "a", "b", "--epochs"], "--epochs needs a value"),
                (["train", "a", "b", "-o"], "-o needs a value"),
                (["info", "a", "--nothing"], "there is no option --nothing; "
                                             "mlp --help lists them"),
                (["info", "a", "--json=1"], "there is no option --json=1;"),
                (["train", "a", "b", "--l", "mse"], "there is no option --l;"),
                (["info", "a", "-x"], "there is no option -x;"),
                (["info", "-xy", "a"], "there is no option -x;"),
                (["info", "a", "--epochs", "3"],
                 "info has no option --epochs; it belongs to train"),
                (["export", "a", "b.c", "--json"],
                 "export has no option --json; it belongs to train, test, "
                 "predict, info")):
            out, talk = run(*arguments, status=2)
            self.assertEqual(out, "")
            self.assertTrue(talk.startswith("mlp: "))
            self.assertIn(told, talk)

    def test_help_and_version(self):
        text, talk = run("--help")
        self.assertEqual(talk, "")
        self.assertIn("Options of train:\n  -o, --output FILE", text)
        for arguments in ["-h"], ["train", "-h"], ["info", "x", "--help"]:
            self.assertEqual(run(*arguments), (text, ""))
        with open(f"{SOURCE}/include/mlp.h", encoding="utf-8") as f:
            parts = re.findall(r"^#define MLP_VERSION_\w+ (\d+)$", f.read(),
                               re.M)
        self.assertEqual(run("--version"), (f"mlp {'.'.join(parts)}\n", ""))


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
