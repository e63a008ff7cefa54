/* SPDX-License-Identifier: MIT */
/*
 * Reinforcement learning: an agent learns to balance a pole on a cart by trying
 * (CartPole; Barto, Sutton and Anderson, 1983). Nobody knows the right action,
 * so there are no targets, and none of the library's losses fits. Backward
 * starts from a derivative of the program's own, the policy gradient (Williams'
 * REINFORCE, 1992): it raises log p(action) where the rewards that followed
 * were above the average, and lowers it where they were below. How fast an
 * agent learns depends on its seed, so there are five.
 */
#include "example.h"
#include "flags.h"

enum { AGENTS = 5, UPDATES = 60, EPISODES = 10, STEPS = 500, BLOCK = 100 };
enum { ALL_EPISODES = UPDATES * EPISODES, ROWS = EPISODES * STEPS };

/* What the agent saw and did in the episodes since its last update. */
typedef struct experience {
    double state[ROWS][4]; /* position, velocity, angle of the pole,
                                and how fast it changes */
    size_t action[ROWS];   /* 0 pushes the cart to the left, 1 to the right */
    size_t time[ROWS];     /* time step of the episode */
    double to_go[ROWS];    /* reward to go: the rewards from here on, each
                           multiplied by 0.99 for each step that it is later */
    double dZ[ROWS][2];    /* dJ/dZ of the last layer */
} experience;

/* Moves cart and pole by 0.02 s. Returns false if the pole falls or the cart
 * leaves its track. Series stand for sine and cosine of the small angle, so
 * that every machine plays the same game, whatever its C library. */
static bool move(double s[4], double force)
{
    double a = s[2], b = a * a;
    double sine = a * (1 - b / 6 * (1 - b / 20 * (1 - b / 42)));
    double cosine = 1 - b / 2 * (1 - b / 12 * (1 - b / 30));
    double push = (force + 0.05 * s[3] * s[3] * sine) / 1.1;
    double turn = (9.8 * sine - cosine * push) /
                  (0.5 * (4.0 / 3 - 0.1 * cosine * cosine / 1.1));
    double change[4] = {s[1], push - 0.05 * turn * cosine / 1.1, s[3], turn};
    for (size_t i = 0; i < 4; i++) {
        s[i] += 0.02 * change[i];
    }
    return fabs(s[0]) < 2.4 && fabs(s[2]) < 0.2095; /* 12 degrees */
}

/* Plays an episode, from row `first` of the experience on. Returns its number
 * of time steps, which is its return, because the reward of each is 1. */
static size_t play(const mlp_net *net, mlp_workspace *workspace, mlp_rng *rng,
                   experience *seen, size_t first)
{
    double s[4], p[2];
    for (size_t i = 0; i < 4; i++) {
        s[i] = mlp_rng_uniform(rng, -0.05, 0.05);
    }
    size_t t = 0;
    for (bool up = true; up && t < STEPS; t++) {
        size_t row = first + t;
        check(mlp_predict_with(net, workspace, mlp_cview_f64(s, 1, 4),
                               mlp_view_f64(p, 1, 2)));
        memcpy(seen->state[row], s, sizeof s);
        seen->action[row] = mlp_rng_random_sample(rng) < p[1];
        seen->time[row] = t;
        up = move(s, seen->action[row] == 1 ? 10 : -10);
    }
    double sum = 0;
    for (size_t row = first + t; row-- > first;) {
        seen->to_go[row] = sum = 1 + 0.99 * sum;
    }
    return t;
}

/* Makes one update from m rows. The advantage of an action is its reward to go
 * less the average of all episodes at that time (those that have ended count
 * 0). J is the mean of -advantage * log p(action). So m dJ/dZ is the advantage
 * times (p - 1) for the action, and times p for the other one. */
static void learn(mlp_trainer *trainer, experience *seen, size_t m)
{
    double average[STEPS] = {0};
    mlp_view p;
    for (size_t i = 0; i < m; i++) {
        average[seen->time[i]] += seen->to_go[i] / EPISODES;
    }
    check(mlp_trainer_forward(trainer, mlp_cview_f64(seen->state[0], m, 4)));
    check(mlp_trainer_tensor(trainer, MLP_A, 2, &p));
    for (size_t i = 0; i < m; i++) {
        double advantage = seen->to_go[i] - average[seen->time[i]];
        for (size_t j = 0; j < 2; j++) {
            double d = mlp_cview_at(mlp_view_const(p), i, j);
            d -= seen->action[i] == j;
            seen->dZ[i][j] = advantage * d / (double)m;
        }
    }
    check(mlp_trainer_backward_from_dZ(trainer,
                                       mlp_cview_f64(seen->dZ[0], m, 2)));
    check(mlp_trainer_update(trainer, 0.02));
}

/* Trains an agent and keeps the return of each episode. */
static void train(uint32_t seed, double returns[ALL_EPISODES])
{
    static experience seen;
    const mlp_layer layers[] = {{.width = 32, .activation = MLP_ACT_TANH},
                                {.width = 2, .activation = MLP_ACT_SOFTMAX}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 4, config.layers = layers, config.n_layers = 2;
    config.loss = MLP_LOSS_CCE; /* goes with softmax; it is never computed */
    config.seed = seed;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    mlp_trainer *trainer = NULL;
    mlp_workspace *workspace = NULL;
    mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    mlp_rng rng = mlp_rng_seeded(seed);
    check(mlp_net_create(&config, &net));
    check(mlp_trainer_create(net, ROWS, &trainer));
    check(mlp_trainer_set_optimizer(trainer, &adam));
    check(mlp_workspace_create(net, &workspace));
    for (size_t update = 0; update < UPDATES; update++) {
        size_t m = 0;
        for (size_t k = 0; k < EPISODES; k++) {
            size_t steps = play(net, workspace, &rng, &seen, m);
            returns[update * EPISODES + k] = (double)steps;
            m += steps;
        }
        learn(trainer, &seen, m);
    }
    mlp_workspace_free(workspace);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static double mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double)n;
}

static const char usage[] =
    "policy [--seed N]\n"
    "Five agents, with the seeds N to N + 4 (default 1), learn to balance a\n"
    "pole on a cart for 500 steps. Prints their mean returns.\n";

int main(int argc, char **argv)
{
    static double returns[AGENTS][ALL_EPISODES];
    size_t seed = 1;
    const flag flags[] = {{"--seed", COUNT, &seed, 0, 1000000}};
    parse_flags(usage, flags, 1, argc, argv);
    printf("Episodes  ");
    for (size_t k = 0; k < AGENTS; k++) {
        train((uint32_t)(seed + k), returns[k]);
        printf(" | seed %3zu", seed + k);
    }
    for (size_t first = 0; first < ALL_EPISODES; first += BLOCK) {
        printf("\n%3zu to %3d", first + 1, (int)first + BLOCK);
        for (size_t k = 0; k < AGENTS; k++) {
            printf(" | %8.1f", mean(returns[k] + first, BLOCK));
        }
    }
    printf("\nlast 20   ");
    for (size_t k = 0; k < AGENTS; k++) {
        printf(" | %8.1f", mean(returns[k] + ALL_EPISODES - 20, 20));
    }
    printf("\n");
    return 0;
}
