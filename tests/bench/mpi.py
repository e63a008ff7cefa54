#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Training steps on two ranks, beside two threads and beside PyTorch:

    mpi.py MPI_STEPS [--seconds S] [WORKLOAD...]

MPI_STEPS is the program of mpi_steps.c; W4-sgd, W4-adam and W5 are its
workloads. For each of them the script prints the median time of a step in one
run of

- libmlp in one process, with two threads, without parts and with eight;
- libmlp on two ranks with one thread each, with two and with eight parts;
- PyTorch in one process with two threads;
- PyTorch's DistributedDataParallel (gloo) in two processes with one thread each;

and then the exchange of libmlp: its share of the step, and what a rank sends in
a step beside the least that any exchange of gradients sends, 2 (R - 1) / R times
their bytes. The last lines are a model, not a measurement: the time of a step
on 64 ranks that share the same batch, or a batch 64 times as large, with
networks of 10 and 100 Gbit/s and 10 us for a message. MPI runs by mpirun with
--bind-to none.
"""
import argparse
import math
import os
import statistics
import subprocess
import sys
import time

WORKLOADS = {"W4-sgd": ([784, 512, 512, 10], 128),
             "W4-adam": ([784, 512, 512, 10], 128),
             "W5": ([1024, 2048, 2048, 1024], 256)}
LATENCY = 10e-6


def run_mpi(program, ranks, name, parts, threads, seconds):
    """Returns ms of a step, share of the exchange, bytes sent, least bytes."""
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1",
               OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_hwloc_base_binding_policy="none",
               OMPI_MCA_rmaps_base_oversubscribe="1")
    output = subprocess.run(
        ["mpirun", "-n", str(ranks), program, name, str(parts), str(threads),
         str(seconds)], env=env, check=True, capture_output=True, text=True)
    return [float(x) for x in output.stdout.split()]


def torch_steps(rank, ranks, name, seconds, results):
    """Trains as mpi_steps does; rank 0 puts the median in results."""
    import torch
    import torch.distributed as dist
    torch.set_num_threads(2 // ranks)
    torch.manual_seed(rank)
    sizes, batch = WORKLOADS[name]
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    if ranks > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29517")
        dist.init_process_group("gloo", rank=rank, world_size=ranks)
        net = torch.nn.parallel.DistributedDataParallel(net)
    kind = torch.optim.Adam if name == "W4-adam" else torch.optim.SGD
    optimizer = kind(net.parameters(), lr=0.001)
    m = batch // ranks
    X = torch.rand(m * 8, sizes[0])
    if name == "W5":
        Y, loss = torch.randn(m * 8, sizes[-1]), torch.nn.MSELoss()
    else:
        Y, loss = torch.randint(0, 10, (m * 8,)), torch.nn.CrossEntropyLoss()
    times = []
    stop = torch.zeros(1)
    end = time.perf_counter() + seconds
    while not stop.item():
        for _ in range(8):
            begin = time.perf_counter()
            rows = torch.randint(0, m * 8, (m,))
            optimizer.zero_grad()
            loss(net(X[rows]), Y[rows]).backward()
            optimizer.step()
            times.append(time.perf_counter() - begin)
        stop.fill_(float(time.perf_counter() > end))
        if ranks > 1:
            dist.all_reduce(stop)
    if rank == 0:
        results.put(1e3 * statistics.median(times[4:]))
    if ranks > 1:
        dist.destroy_process_group()


def run_torch(ranks, name, seconds):
    import torch.multiprocessing as mp
    results = mp.get_context("spawn").SimpleQueue()
    mp.spawn(torch_steps, (ranks, name, seconds, results), nprocs=ranks)
    return results.get()


def model(name, one_core_ms):
    """Prints the model for 64 ranks from the time of a step on one core. A
    share of the batch takes a share of the time; in each of the 12 rounds of
    the long sum and the 6 of the short one a message takes LATENCY."""
    sizes, _ = WORKLOADS[name]
    size = 4 * sum(a * b + b for a, b in zip(sizes, sizes[1:]))
    rounds = 3 * int(math.log2(64))
    for gbit in 10, 100:
        exchange = 1e3 * (2 * 63 / 64 * size * 8 / (gbit * 1e9)
                          + rounds * LATENCY)
        same, larger = one_core_ms / 64 + exchange, one_core_ms + exchange
        print(f"  64 ranks, {gbit} Gbit/s: exchange {exchange:.3f} ms; the "
              f"same batch {same:.3f} ms ({one_core_ms / same:.1f} times as "
              f"fast); 64 batches {larger:.3f} ms "
              f"({64 * one_core_ms / larger:.1f} times)")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    args = parser.parse_intermixed_args()
    for name in args.workloads:
        def ours(ranks, parts, threads):
            return run_mpi(args.program, ranks, name, parts, threads,
                           args.seconds)
        print(f"{name}, ms of a step")
        one_core = ours(1, 1, 1)[0]
        print(f"  libmlp, one thread                   {one_core:.3f}")
        print(f"  libmlp, two threads, no parts        {ours(1, 1, 2)[0]:.3f}")
        print(f"  libmlp, two threads, 8 parts         {ours(1, 8, 2)[0]:.3f}")
        two, eight = ours(2, 2, 1), ours(2, 8, 1)
        print(f"  libmlp, two ranks, 2 parts           {two[0]:.3f}")
        print(f"  libmlp, two ranks, 8 parts           {eight[0]:.3f}")
        try:
            print("  PyTorch, two threads                 "
                  f"{run_torch(1, name, args.seconds):.3f}")
            print("  PyTorch DDP (gloo), two processes    "
                  f"{run_torch(2, name, args.seconds):.3f}")
        except ImportError:
            print("  PyTorch: there is none", file=sys.stderr)
        print(f"  exchange: {100 * two[1]:.1f} % of the time (2 parts), "
              f"{100 * eight[1]:.1f} % (8 parts); a rank sends "
              f"{two[2]:.0f} bytes in a step, the least is {two[3]:.0f}")
        model(name, one_core)


if __name__ == "__main__":
    main()
