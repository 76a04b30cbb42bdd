// SPDX-License-Identifier: Apache-2.0

// pool_pgx measures pgx's pool for `isobar bench pool`: SELECT 1 by 1, 8 and 64 tasks, medians of
// several runs, and acquiring and releasing a connection that nobody else wants.
//
//	pool_pgx RUNS SECONDS CONNECTIONS
//
// ISOBAR_CLOUD_URL names the server. Prints lines of name, value and unit with tabs between.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const acquires = 20000

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pool_pgx:", err)
		os.Exit(1)
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func selects(pool *pgxpool.Pool, tasks int, seconds float64) float64 {
	begin := time.Now()
	end := begin.Add(time.Duration(seconds * float64(time.Second)))
	counts := make([]int, tasks)
	var group sync.WaitGroup
	for task := range tasks {
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

func acquire(pool *pgxpool.Pool) float64 {
	begin := time.Now()
	for range acquires {
		conn, err := pool.Acquire(context.Background())
		must(err)
		conn.Release()
	}
	return time.Since(begin).Seconds() * 1e9 / acquires
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/jackc/pgx/v5" {
				return module.Version
			}
		}
	}
	return "unknown"
}

func main() {
	runs, err := strconv.Atoi(os.Args[1])
	must(err)
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	must(err)
	size, err := strconv.Atoi(os.Args[3])
	must(err)
	config, err := pgxpool.ParseConfig(os.Getenv("ISOBAR_CLOUD_URL"))
	must(err)
	config.MaxConns = int32(size)
	config.MinConns = int32(size)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	must(err)
	defer pool.Close()
	fmt.Printf("pgx.version\t%s\tversion\n", version())
	for _, tasks := range []int{1, 8, 64} {
		rates := []float64{}
		selects(pool, tasks, seconds)
		for range runs {
			rates = append(rates, selects(pool, tasks, seconds))
		}
		fmt.Printf("pgx.select1_%d\t%g\t1/s\n", tasks, median(rates))
	}
	times := []float64{}
	for range runs {
		times = append(times, acquire(pool))
	}
	fmt.Printf("pgx.acquire\t%g\tns\n", median(times))
}
