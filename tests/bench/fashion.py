# SPDX-License-Identifier: MIT
"""Trains the network of fashion.c in PyTorch, with one thread.

    python3 fashion.py [EPOCHS [DIRECTORY [SEED]]]

The script prints what fashion.c prints: the loss of each epoch, the CPU seconds
of the training and the accuracy on the test images. DIRECTORY holds the four
files of Fashion-MNIST as they are distributed. Batches are gathered by indexing
one tensor, which is the fastest way that PyTorch has.
"""
import gzip
import os
import sys
import time

import numpy
import torch


def read(directory, part):
    path = os.path.join(directory, part + "-images-idx3-ubyte.gz")
    with gzip.open(path) as file:
        pixels = numpy.frombuffer(file.read(), numpy.uint8, offset=16)
    path = os.path.join(directory, part + "-labels-idx1-ubyte.gz")
    with gzip.open(path) as file:
        labels = numpy.frombuffer(file.read(), numpy.uint8, offset=8)
    images = pixels.reshape(-1, 784).astype(numpy.float32) / 255
    return torch.from_numpy(images), torch.from_numpy(labels.astype("int64"))


def main():
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    directory = (sys.argv[2] if len(sys.argv) > 2
                 else "/usr/share/datasets/fashion-mnist")
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 42
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y = read(directory, "train")
    x_test, y_test = read(directory, "t10k")
    mean, deviation = x.mean(), x.std()
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    net = torch.nn.Sequential(
        torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Dropout(0.2),
        torch.nn.Linear(256, 128), torch.nn.ReLU(), torch.nn.Dropout(0.2),
        torch.nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    loss_of = torch.nn.CrossEntropyLoss()
    begin = time.process_time()
    for epoch in range(epochs):
        order = torch.randperm(len(x))
        total = 0.0
        for i in range(0, len(x), 128):
            rows = order[i:i + 128]
            optimizer.zero_grad()
            loss = loss_of(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        schedule.step()
        print("Epoch %2d | Loss: %.4f" % (epoch, total / len(x)), flush=True)
    taken = time.process_time() - begin
    net.eval()
    with torch.no_grad():
        accuracy = (net(x_test).argmax(1) == y_test).double().mean().item()
    print("PyTorch: %d epochs, 1 threads, seed %d, %.2f s"
          % (epochs, seed, taken))
    print("Test Accuracy: %.2f%%" % (100 * accuracy))


if __name__ == "__main__":
    main()
