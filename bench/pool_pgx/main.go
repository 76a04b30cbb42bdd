// SPDX-License-Identifier: Apache-2.0

// pool_pgx measures pgx's pool for `isobar bench pool`: SELECT 1 by 1, 8 and 64 tasks, and
// acquire and release by one. It takes the URL from the environment, the seconds of each measure
// and the number of connections from its arguments, and prints "name value" lines.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pool_pgx:", err)
		os.Exit(1)
	}
}

func selects(pool *pgxpool.Pool, tasks int, seconds float64) float64 {
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	counts := make([]int, tasks)
	var group sync.WaitGroup
	begin := time.Now()
	for task := 0; task < tasks; task++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Now().Before(end) {
				var one int
				must(pool.QueryRow(context.Background(), "SELECT 1").Scan(&one))
				counts[task]++
			}
		}()
	}
	group.Wait()
	total := 0
	for _, count := range counts {
		total += count
	}
	return float64(total) / time.Since(begin).Seconds()
}

func acquire(pool *pgxpool.Pool, seconds float64) float64 {
	count := 0
	begin := time.Now()
	for time.Since(begin).Seconds() < seconds {
		for i := 0; i < 100; i++ {
			conn, err := pool.Acquire(context.Background())
			must(err)
			conn.Release()
			count++
		}
	}
	return time.Since(begin).Seconds() * 1e9 / float64(count)
}

func main() {
	seconds, err := strconv.ParseFloat(os.Args[1], 64)
	must(err)
	config, err := pgxpool.ParseConfig(os.Getenv("ISOBAR_BENCH_URL"))
	must(err)
	size, err := strconv.Atoi(os.Args[2])
	must(err)
	config.MaxConns = int32(size)
	config.MinConns = int32(size)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	must(err)
	defer pool.Close()
	selects(pool, size, seconds/4)
	for _, tasks := range []int{1, 8, 64} {
		fmt.Printf("select1_%d %g\n", tasks, selects(pool, tasks, seconds))
	}
	fmt.Printf("acquire %g\n", acquire(pool, seconds))
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/jackc/pgx/v5" {
				fmt.Printf("version %s\n", module.Version)
			}
		}
	}
}
