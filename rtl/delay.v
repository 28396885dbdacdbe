// A network's wires as a line of registers: what goes in comes out CYCLES clocks later; 0 is a wire.
module delay #(
    parameter WIDTH = 1,
    parameter CYCLES = 1
) (
    input  wire             clock,
    input  wire             reset,
    input  wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);
    generate
        if (CYCLES == 0) begin : wired
            assign out = in;
        end else if (CYCLES == 1) begin : single
            reg [WIDTH-1:0] held;
            always @(posedge clock) held <= reset ? {WIDTH{1'b0}} : in;
            assign out = held;
        end else begin : line
            reg [WIDTH*CYCLES-1:0] held;
            always @(posedge clock)
                held <= reset ? {WIDTH*CYCLES{1'b0}} : {held[WIDTH*(CYCLES-1)-1:0], in};
            assign out = held[WIDTH*CYCLES-1 -: WIDTH];
        end
    endgenerate
endmodule
