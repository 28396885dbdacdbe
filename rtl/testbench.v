// Feeds the accelerator from hex files in the working folder and prints what it does, cycle by cycle.
//
// A table has FIELDS words a line; the first is the cycle from which on caches and DRAM let the step start. Memory
// answers in the cycle in which it is asked. What is printed: "start PART NUMBER CYCLE", "end PART NUMBER CYCLE",
// "word JOB VALUE" in the order of the output port, and at last "done CYCLE", or "stuck CYCLE" at LAST_CYCLE.
module testbench;
    parameter WORD_BITS = 16;
    parameter SUM_BITS = 32;
    parameter ROWS = 4;
    parameter COLUMNS = 2;
    parameter BANK_WORDS = 9;
    parameter PSUM_BANKS = 2;
    parameter SLOTS = 1;
    parameter SKIPPING = 1;
    parameter WEIGHT_WORDS = 4;
    parameter ACTIVATION_WORDS = 4;
    parameter THRESHOLD_WORDS = 4;
    parameter OUTPUT_WORDS = 4;
    parameter LATENCY = 1;
    parameter COMPARE_CYCLES = 1;
    parameter WRITE_BUFFERS = 2;
    parameter FILLS = 1;
    parameter PASSES = 1;
    parameter JOBS = 1;
    parameter WRITES = 1;
    parameter WEIGHTS = 1;
    parameter THRESHOLDS = 1;
    parameter LAST_CYCLE = 1000;

    localparam FILL_FIELDS = 5, PASS_FIELDS = 8, JOB_FIELDS = 15;

    reg [31:0] fills [0:FILLS*FILL_FIELDS-1];
    reg [31:0] passes [0:PASSES*PASS_FIELDS-1];
    reg [31:0] jobs [0:JOBS*JOB_FIELDS-1];
    reg [31:0] writes [0:WRITES-1];
    reg [ROWS*BANK_WORDS-1:0] masks [0:PASSES-1];
    reg [WORD_BITS-1:0] activations [0:PASSES*ROWS*BANK_WORDS-1];
    reg [WORD_BITS-1:0] weights [0:WEIGHTS+WEIGHT_WORDS-1];
    reg [WORD_BITS-1:0] thresholds [0:THRESHOLDS+THRESHOLD_WORDS-1];

    reg clock = 0;
    reg reset = 1;
    reg [31:0] cycle = 0;
    reg [31:0] writes_completed = 0;
    wire [31:0] fills_done, passes_done, jobs_done, weight_offset, threshold_offset, output_count;
    wire fill_start, pass_start, job_start;
    wire [ROWS*16-1:0] taps;
    wire [ROWS-1:0] sent;
    reg [ROWS*WORD_BITS-1:0] values;
    wire [WEIGHT_WORDS*WORD_BITS-1:0] weight_words;
    wire [THRESHOLD_WORDS*WORD_BITS-1:0] threshold_words;
    wire [OUTPUT_WORDS*WORD_BITS-1:0] output_words;

    // Where the table of each part stands now; behind its end, at its last entry, which is then not ready.
    wire fill_left = fills_done < FILLS;
    wire pass_left = passes_done < PASSES;
    wire job_left = jobs_done < JOBS;
    wire [31:0] fill = (fill_left ? fills_done : FILLS - 1) * FILL_FIELDS;
    wire [31:0] pass_number = pass_left ? passes_done : PASSES - 1;
    wire [31:0] pass = pass_number * PASS_FIELDS;
    wire [31:0] job = (job_left ? jobs_done : JOBS - 1) * JOB_FIELDS;
    wire [31:0] weight_base = fills[fill + 1];
    wire [31:0] threshold_base = jobs[job + 1];

    integer row;
    always @(taps or pass_number)
        for (row = 0; row < ROWS; row = row + 1)
            values[row*WORD_BITS +: WORD_BITS]
                = activations[(pass_number*ROWS + row)*BANK_WORDS + taps[row*16 +: 16]];

    genvar g;
    generate
        for (g = 0; g < WEIGHT_WORDS; g = g + 1) begin : weight_lanes
            assign weight_words[g*WORD_BITS +: WORD_BITS] = weights[weight_base + weight_offset + g];
        end
        for (g = 0; g < THRESHOLD_WORDS; g = g + 1) begin : threshold_lanes
            assign threshold_words[g*WORD_BITS +: WORD_BITS] = thresholds[threshold_base + threshold_offset + g];
        end
    endgenerate

    accelerator #(
        .WORD_BITS(WORD_BITS), .SUM_BITS(SUM_BITS), .ROWS(ROWS), .COLUMNS(COLUMNS), .BANK_WORDS(BANK_WORDS),
        .PSUM_BANKS(PSUM_BANKS), .SLOTS(SLOTS), .SKIPPING(SKIPPING), .WEIGHT_WORDS(WEIGHT_WORDS),
        .ACTIVATION_WORDS(ACTIVATION_WORDS), .THRESHOLD_WORDS(THRESHOLD_WORDS), .OUTPUT_WORDS(OUTPUT_WORDS),
        .LATENCY(LATENCY), .COMPARE_CYCLES(COMPARE_CYCLES), .WRITE_BUFFERS(WRITE_BUFFERS)
    ) device (
        .clock(clock),
        .reset(reset),
        .fill_ready(fill_left && cycle >= fills[fill]),
        .fill_words(fills[fill + 2]),
        .fill_width(fills[fill + 3][15:0]),
        .fill_pairs(fills[fill + 4][15:0]),
        .weight_offset(weight_offset),
        .weights(weight_words),
        .pass_ready(pass_left && cycle >= passes[pass]),
        .pass_new_fill(passes[pass + 1][0]),
        .pass_retires_fill(passes[pass + 2][0]),
        .pass_opens(passes[pass + 3][0]),
        .pass_begins(passes[pass + 4][0]),
        .pass_drains(passes[pass + 5][0]),
        .pass_slot(passes[pass + 6][15:0]),
        .pass_pairs(passes[pass + 7][15:0]),
        .mask(masks[pass_number]),
        .taps(taps),
        .values(values),
        .job_ready(job_left && cycle >= jobs[job]),
        .job_thresholds(jobs[job + 2]),
        .job_writes(jobs[job + 3][0]),
        .job_closes(jobs[job + 4][0]),
        .job_activation(jobs[job + 5][0]),
        .job_compressed(jobs[job + 6][0]),
        .job_per_channel(jobs[job + 7][0]),
        .job_slot(jobs[job + 8][15:0]),
        .job_width(jobs[job + 9][15:0]),
        .job_images(jobs[job + 10][15:0]),
        .job_rows(jobs[job + 11][15:0]),
        .job_columns(jobs[job + 12][15:0]),
        .job_pool(jobs[job + 13][15:0]),
        .job_shift(jobs[job + 14][15:0]),
        .threshold_offset(threshold_offset),
        .thresholds(threshold_words),
        .writes_completed(writes_completed),
        .fill_start(fill_start),
        .pass_start(pass_start),
        .job_start(job_start),
        .fills_done(fills_done),
        .passes_done(passes_done),
        .jobs_done(jobs_done),
        .sent(sent),
        .output_count(output_count),
        .output_words(output_words)
    );

    initial begin
        $readmemh("fills.hex", fills);
        $readmemh("passes.hex", passes);
        $readmemh("jobs.hex", jobs);
        $readmemh("writes.hex", writes);
        $readmemh("masks.hex", masks);
        $readmemh("activations.hex", activations);
        $readmemh("weights.hex", weights);
        $readmemh("thresholds.hex", thresholds);
        #1 clock = 1; // in reset
        #1 clock = 0;
        #1 reset = 0;
        while (jobs_ended < JOBS && cycle < LAST_CYCLE) begin
            #1 observe;
            #1 clock = 1;
            // What the cycle lets start must not change while the clock's edge is being worked off.
            #1 cycle = cycle + 1;
            clock = 0;
        end
        $display("%0s %0d", jobs_ended < JOBS ? "stuck" : "done", cycle);
        $finish;
    end

    integer word;
    reg [31:0] fills_ended = 0, passes_ended = 0, jobs_ended = 0;
    task observe;
        begin
            while (writes_completed < WRITES && writes[writes_completed] <= cycle)
                writes_completed = writes_completed + 1;
            #1;
            for (word = 0; word < output_count; word = word + 1)
                $display("word %0d %0d", jobs_ended, $signed(output_words[word*WORD_BITS +: WORD_BITS]));
            if (fills_done != fills_ended) $display("end fill %0d %0d", fills_ended, cycle);
            if (passes_done != passes_ended) $display("end pass %0d %0d", passes_ended, cycle);
            if (jobs_done != jobs_ended) $display("end job %0d %0d", jobs_ended, cycle);
            fills_ended = fills_done;
            passes_ended = passes_done;
            jobs_ended = jobs_done;
            if (fill_start) $display("start fill %0d %0d", fills_done, cycle);
            if (pass_start) $display("start pass %0d %0d", passes_done, cycle);
            if (job_start) $display("start job %0d %0d", jobs_done, cycle);
        end
    endtask
endmodule
